package dev.vidrio.cli.lens.fact;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.EstimateTable;
import dev.vidrio.cli.lens.option.EstimateText;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.PageCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.fact.AttentionKnockOut;
import dev.vidrio.lens.fact.Fact;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens facts knock-out}. */
@Command(
    name = "knock-out",
    description = {
      "Attention knock-out: finds the layers in which the last token reads the subject.",
      "In a window of layers around each layer, the last token does not attend to the subject, to"
          + " all other tokens, or to itself. The table shows the relative change of the"
          + " probability of the answer in percent, or the change of another --metric."
    })
public final class KnockOutCommand extends PageCommand<KnockOutCommand.Found> {
  @Mixin private KnownFacts facts = new KnownFacts();
  @Mixin private MetricOption metric = new MetricOption();

  @Option(names = "--window", paramLabel = "N", description = "Layers of a window.")
  private int window = 5;

  /** The changes. */
  record Found(KnownFacts.Found facts, AttentionKnockOut changes) {}

  @Override
  protected void check() {
    super.check();
    UsageException.requireAtLeast("--window", window, 1);
  }

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    KnownFacts.Found known = facts.of(lens);
    Map<Fact, Metric> metrics = known.metrics(lens, spec());
    return new Found(
        known, AttentionKnockOut.of(lens, known.facts(), metrics::get, isRelative(), window));
  }

  private MetricSpec spec() {
    return metric.or(MetricKind.PROB);
  }

  /** Returns whether changes are relative: only of probabilities, which are positive. */
  private boolean isRelative() {
    return spec().kind() == MetricKind.PROB;
  }

  private String change() {
    return isRelative()
        ? "change of the probability in %"
        : "change of the " + spec().kind().label() + " in " + EstimateText.unit(spec().kind());
  }

  @Override
  protected void print(Found found) {
    MetricKind kind = spec().kind();
    Function<Estimate, String> text = EstimateText.of(kind);
    System.out.printf(
        "%s; %s of the answer in %s: %s%n",
        found.facts.summary(),
        kind.label(),
        EstimateText.unit(kind),
        text.apply(found.changes.metric()));
    System.out.println(change() + ", ± 95 % interval, if the last token does not attend to");
    EstimateTable.print(found.changes.changes(), text);
    Hint.print("'vidrio lens facts extract' shows which layers write the answer.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    found.facts.fill(object);
    object.put("window", window);
    object.put("metric_kind", spec().kind().key());
    object.put(spec().kind().field(), EstimateText.toJson(found.changes.metric()));
    object.put("changes", EstimateTable.toJson(found.changes.changes()));
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(
        EstimateTable.grid(
            "Attention knock-out",
            (isRelative() ? "Relative change" : "Change")
                + " of the "
                + spec().kind().label()
                + " of the answer if the last token does not attend to a part of the prompt in "
                + window
                + " layers around each; "
                + found.facts.summary()
                + ".",
            "change",
            found.changes.changes()));
  }
}
