package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.decode.TextChunks;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.ComponentAblation;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens ablate}. */
@Command(
    name = "ablate",
    description = {
      "Ablation: measures the total effect of each component on the next token.",
      "One line per component: the drop of the log-probability, or of the difference of two"
          + " logits, without it."
    })
public final class AblateCommand implements Callable<Integer> {
  private static final int BAR = 24;

  /** Tokens per chunk of the text of {@code --mean-of}. */
  private static final int LENGTH = 128;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private PositionOption position = new PositionOption();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private PageOption page = new PageOption();

  @Option(
      names = "--site",
      paramLabel = "SITE",
      defaultValue = "head",
      description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Site site = Site.HEAD;

  @Option(
      names = "--mean-of",
      paramLabel = "FILE",
      description = "Replace a component by its mean activation over this text, not by zeros.")
  private @Nullable Path meanOf;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Components to print; JSON has all. Default: ${DEFAULT-VALUE}.")
  private int top = 20;

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
      ComponentAblation ablation = ablate(opened, tokens, metric);
      String title = TargetOption.title(opened, token, versus);
      if (page.isWanted()) {
        page.write(opened, "vidrio lens ablate", tokens, List.of(Views.ablation(ablation, title)));
      } else if (json) {
        Json.print(contents(opened, tokens, token, versus, ablation));
      } else {
        System.out.printf("%s: %.3f%n", title, ablation.metric());
        print(ablation);
        Hint.print("'vidrio lens dla' shows the direct effect only.");
      }
    }
    return 0;
  }

  private ComponentAblation ablate(Model opened, int[] tokens, Metric metric) {
    Lens lens = Lens.of(opened);
    if (meanOf == null) {
      return ComponentAblation.zero(lens, tokens, metric, site);
    }
    int[] text = opened.tokenizer().encode(InputOutput.read(meanOf));
    int length = Math.min(LENGTH, opened.architecture().contextLength());
    List<int[]> chunks = TextChunks.of(opened, text, length);
    return ComponentAblation.mean(lens, tokens, metric, site, chunks);
  }

  /** A component and the drop of the metric without it. */
  private record Effect(String name, double value) {}

  private void print(ComponentAblation ablation) {
    List<Effect> effects =
        IntStream.range(0, ablation.rows().size())
            .boxed()
            .flatMap(
                row ->
                    IntStream.range(0, ablation.columns().size())
                        .mapToObj(
                            column ->
                                new Effect(
                                    ablation.name(row, column), ablation.effect(row, column))))
            .sorted(Comparator.comparingDouble(effect -> -Math.abs(effect.value)))
            .toList();
    double greatest = Math.abs(effects.getFirst().value);
    System.out.println("component          drop");
    for (Effect effect : effects.subList(0, Math.clamp(top, 0, effects.size()))) {
      int length = (int) Math.round(BAR * Math.abs(effect.value) / Math.max(greatest, 1e-30));
      System.out.printf(
          "%-14s %+8.3f  %s%n",
          effect.name, effect.value, (effect.value < 0 ? "-" : "+").repeat(length));
    }
  }

  private Map<String, Object> contents(
      Model opened, int[] tokens, int token, int versus, ComponentAblation ablation) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("tokens", tokens);
    result.put("token", token);
    if (versus >= 0) {
      result.put("versus", versus);
    }
    result.put("site", site.name().toLowerCase(Locale.ROOT));
    result.put("by", meanOf == null ? "zero" : "mean");
    result.put("metric", ablation.metric());
    result.put("rows", ablation.rows());
    result.put("columns", ablation.columns());
    result.put("without", ablation.without());
    return result;
  }
}
