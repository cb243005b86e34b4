package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.attribute.Occlusion;
import dev.vidrio.lens.attribute.Occlusion.By;
import dev.vidrio.lens.page.TokenValues;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens occlusion}. */
@Command(
    name = "occlusion",
    description = {
      "Occlusion: measures the effect of each token of the text on the next token.",
      "One line per token: the drop of the log-probability, or of the difference of two"
          + " logits, without it."
    })
public final class OcclusionCommand implements Callable<Integer> {
  private static final int TOKEN = 16;
  private static final int BAR = 24;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private PositionOption position = new PositionOption();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private PageOption page = new PageOption();

  @Option(
      names = "--by",
      paramLabel = "WAY",
      defaultValue = "zero",
      description =
          "zero: the token's embedding is zero; hide: later tokens do not attend to"
              + " it. Default: ${DEFAULT-VALUE}.")
  private By by = By.ZERO;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    page.check();
    try (Model opened = model.open()) {
      int[] all = input.requiredIds(opened);
      int[] tokens = Arrays.copyOf(all, position.of(all) + 1);
      int token = target.token(opened, tokens);
      int versus = target.versus(opened);
      Metric metric = TargetOption.metric(token, versus);
      Occlusion occlusion = Occlusion.of(Lens.of(opened), tokens, by, metric);
      String title = TargetOption.title(opened, token, versus);
      List<Double> effects = IntStream.range(0, tokens.length).mapToObj(occlusion::effect).toList();
      if (page.isWanted()) {
        List<Integer> ids = Arrays.stream(tokens).boxed().toList();
        String note = "How far it falls without each token.";
        page.write(
            opened,
            "vidrio lens occlusion",
            tokens,
            List.of(TokenValues.of(opened, title, note, ids, effects)));
      } else if (json) {
        Json.print(contents(opened, tokens, token, versus, occlusion.metric(), effects));
      } else {
        System.out.printf("%s: %.3f%n", title, occlusion.metric());
        print(opened, tokens, effects);
      }
    }
    return 0;
  }

  private static void print(Model opened, int[] tokens, List<Double> effects) {
    System.out.println(" pos token                drop");
    double greatest = effects.stream().mapToDouble(Math::abs).max().orElse(0);
    for (int j = 0; j < tokens.length; j++) {
      double effect = effects.get(j);
      int length = (int) Math.round(BAR * Math.abs(effect) / Math.max(greatest, 1e-30));
      System.out.printf(
          "%4d %s %+8.3f  %s%n",
          j,
          TokenText.column(opened, tokens[j], TOKEN),
          effect,
          (effect < 0 ? "-" : "+").repeat(length));
    }
    Hint.print("'vidrio lens attribute' estimates this by gradients.");
  }

  private Map<String, Object> contents(
      Model opened, int[] tokens, int token, int versus, double metric, List<Double> effects) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("tokens", Arrays.stream(tokens).boxed().toList());
    result.put("by", by.name().toLowerCase(Locale.ROOT));
    result.put("token", token);
    if (versus >= 0) {
      result.put("versus", versus);
    }
    result.put("metric", metric);
    result.put("effects", effects);
    return result;
  }
}
