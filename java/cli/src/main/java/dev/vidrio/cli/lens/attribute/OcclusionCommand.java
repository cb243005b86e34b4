package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.TextBar;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TargetOption.Target;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.attribute.Occlusion;
import dev.vidrio.lens.attribute.Occlusion.By;
import dev.vidrio.lens.page.TokenValues;
import dev.vidrio.lens.page.View;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens occlusion}. */
@Command(
    name = "occlusion",
    description = {
      "Occlusion: measures the effect of each token of the text on the next token.",
      "One line per token: the drop of the log-probability, or of the difference of two logits,"
          + " without it."
    })
public final class OcclusionCommand extends TextCommand<OcclusionCommand.Found> {
  private static final int TOKEN = 16;

  @Mixin private PositionOption position = new PositionOption();
  @Mixin private TargetOption target = new TargetOption();

  @Option(
      names = "--by",
      paramLabel = "WAY",
      defaultValue = "zero",
      description = "zero: the token's embedding is zero; hide: later tokens do not attend to it.")
  private By by = By.ZERO;

  /** The effects of the tokens on a metric. */
  record Found(Target target, Occlusion occlusion, List<Double> effects) {}

  @Override
  protected Found run(Lens lens, int[] text) {
    int[] tokens = cut(position.of(text) + 1);
    Target explained = target.of(lens.model(), tokens);
    Occlusion occlusion = Occlusion.of(lens, tokens, by, explained.metric());
    return new Found(
        explained,
        occlusion,
        IntStream.range(0, tokens.length).mapToObj(occlusion::effect).toList());
  }

  @Override
  protected void print(Found found) {
    System.out.printf("%s: %.3f%n", found.target.metricName(), found.occlusion.metric());
    System.out.println(" pos token                drop");
    double greatest = found.effects.stream().mapToDouble(Math::abs).max().orElse(0);
    for (int j = 0; j < found.effects.size(); j++) {
      double effect = found.effects.get(j);
      String token = TokenText.column(model(), tokens()[j], TOKEN);
      System.out.printf("%4d %s %+8.3f  %s%n", j, token, effect, TextBar.of(effect, greatest));
    }
    Hint.print("'vidrio lens attribute' estimates this by gradients.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.with("tokens", tokens()).with("by", by.name().toLowerCase(Locale.ROOT));
    found.target.fill(object);
    object.with("metric", found.occlusion.metric()).with("effects", found.effects);
  }

  @Override
  protected List<? extends View> views(Found found) {
    List<Integer> ids = Arrays.stream(tokens()).boxed().toList();
    String note = "How far it falls without each token.";
    return List.of(TokenValues.of(model(), found.target.metricName(), note, ids, found.effects));
  }
}
