package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.TextBar;
import dev.vidrio.cli.lens.option.DataOption;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.Measured;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.RemovalOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.attribute.Occlusion;
import dev.vidrio.lens.attribute.Removal;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.TokenValues;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code vidrio lens occlusion}. */
@Command(
    name = "occlusion",
    description = {
      "Occlusion: measures the effect of each token of the text on the next token.",
      "One line per token: the drop of the log-probability, of the difference of two logits, or of"
          + " another --metric, without it. 'lens attribute --method occlusion' removes spans, and"
          + " explains answers."
    })
public final class OcclusionCommand extends TextCommand<OcclusionCommand.Found> {
  private static final int TOKEN = 16;

  @Mixin private PositionOption position = new PositionOption();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private MetricOption metric = new MetricOption();
  @Mixin private DataOption data = new DataOption();
  @Mixin private RemovalOption removal = new RemovalOption();
  @Mixin private EditOption edits = new EditOption();

  /**
   * The effects of the tokens on a metric: of a text, or means over several texts.
   *
   * @param name of the metric
   * @param measured the text; null for several
   * @param mean of the metric
   * @param effects of each position
   */
  record Found(String name, @Nullable Measured measured, Estimate mean, List<Estimate> effects) {}

  @Override
  protected void check() {
    super.check();
    data.check(command());
    removal.check();
  }

  @Override
  protected Found run(Model opened) {
    if (!data.isGiven()) {
      return super.run(opened);
    }
    edits.requireOneText();
    Lens lens = Lens.of(opened);
    MetricSpec spec = metric.or(MetricKind.LOGIT_DIFF);
    Removal way = removal.of(lens);
    List<Occlusion> all =
        data.each(
            lens,
            spec,
            text -> Arrays.copyOf(text, position.of(text) + 1),
            measured -> Occlusion.of(lens, measured.text(), way, measured.metric()));
    return new Found(
        spec.kind().label() + ", mean of " + all.size() + " texts",
        null,
        Estimate.of(all.stream().mapToDouble(Occlusion::metric).toArray()),
        DataOption.means(all.stream().map(OcclusionCommand::effects).toList(), "occlusion"));
  }

  @Override
  protected Found run(Lens plain, int[] text) {
    int[] tokens = cut(position.of(text) + 1);
    Lens lens = edits.apply(plain, tokens);
    Measured measured = target.of(lens, tokens, metric, MetricKind.LOGPROB);
    Occlusion occlusion =
        Occlusion.of(lens, use(measured.text()), removal.of(lens), measured.metric());
    return new Found(
        measured.name(),
        measured,
        Estimate.of(occlusion.metric()),
        effects(occlusion).stream().map(Estimate::of).toList());
  }

  private static List<Double> effects(Occlusion occlusion) {
    return IntStream.range(0, occlusion.without().size()).mapToObj(occlusion::effect).toList();
  }

  @Override
  protected void print(Found found) {
    System.out.println(found.name + ": " + found.mean);
    boolean several = found.measured == null;
    System.out.println(" pos token                drop" + (several ? "    ±95 %" : ""));
    double greatest = found.effects.stream().mapToDouble(e -> Math.abs(e.mean())).max().orElse(0);
    for (int j = 0; j < found.effects.size(); j++) {
      double effect = found.effects.get(j).mean();
      String token = several ? " ".repeat(TOKEN) : TokenText.column(model(), tokens()[j], TOKEN);
      String interval = several ? " %8.3f".formatted(found.effects.get(j).halfWidth()) : "";
      System.out.printf(
          "%4d %s %+8.3f%s  %s%n", j, token, effect, interval, TextBar.of(effect, greatest));
    }
    Hint.print("'vidrio lens attribute' estimates this by gradients.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    Measured measured = found.measured;
    if (measured == null) {
      object.put("metric_kind", metric.or(MetricKind.LOGIT_DIFF).kind().key());
      object.put("metric_half_width", Json.finite(found.mean.halfWidth()));
      DataOption.fill(object, found.mean.count(), found.effects);
    } else {
      object.put("tokens", tokens());
      measured.fill(object);
    }
    object.put("removal", removal.name());
    object.with("metric", found.mean.mean()).with("effects", DataOption.values(found.effects));
  }

  @Override
  protected List<? extends View> views(Found found) {
    String note = "How far it falls without each token.";
    List<Double> effects = DataOption.values(found.effects);
    if (found.measured == null) {
      return List.of(Bars.byPosition(found.name, note, effects));
    }
    List<Integer> ids = Arrays.stream(tokens()).boxed().toList();
    return List.of(TokenValues.of(model(), found.name, note, ids, effects));
  }
}
