package dev.vidrio.cli.lens.fact;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.EstimateTable;
import dev.vidrio.cli.lens.option.EstimateText;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.PageCommand;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.fact.Fact;
import dev.vidrio.lens.fact.FactTracing;
import dev.vidrio.lens.intervene.CausalTracing;
import dev.vidrio.lens.intervene.CausalTracing.Site;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens facts trace}. */
@Command(
    name = "trace",
    description = {
      "Causal tracing over many facts: the average indirect effect of each layer.",
      "Noise on the subject's embeddings makes the answer unlikely. The table shows by how many"
          + " percentage points its probability, or by how much another --metric, rises after the"
          + " activation of a layer is restored at a part of the prompt: at the first, middle and"
          + " last tokens of the subject, the next token, further tokens and the end of the prompt."
    })
public final class TraceFactsCommand extends PageCommand<TraceFactsCommand.Found> {
  @Mixin private KnownFacts facts = new KnownFacts();
  @Mixin private MetricOption metric = new MetricOption();

  @Option(
      names = "--site",
      paramLabel = "SITE",
      defaultValue = "resid_post",
      description = "The activation to restore: ${COMPLETION-CANDIDATES}.")
  private Site site = Site.RESID_POST;

  @Option(
      names = "--window",
      paramLabel = "N",
      description = "Number of adjacent layers to restore together.")
  private int window = 1;

  @Option(
      names = "--noise",
      paramLabel = "X",
      defaultValue = "3",
      description = "Standard deviation of the noise, relative to that of the text's embeddings.")
  private double noise = 3;

  @Option(
      names = "--runs",
      paramLabel = "N",
      description = "Runs with different noise to average per fact.")
  private int runs = 3;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the noise.")
  private long seed;

  /** The effects. */
  record Found(KnownFacts.Found facts, FactTracing tracing) {}

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    CausalTracing.Options options =
        OptionValues.of(() -> new CausalTracing.Options(noise, runs, window, seed));
    KnownFacts.Found known = facts.of(lens);
    Map<Fact, Metric> metrics = known.metrics(lens, spec());
    return new Found(known, FactTracing.of(lens, known.facts(), metrics::get, site, options));
  }

  private MetricSpec spec() {
    return metric.or(MetricKind.PROB);
  }

  private String name() {
    return site.name().toLowerCase(Locale.ROOT);
  }

  @Override
  protected void print(Found found) {
    MetricKind kind = spec().kind();
    Function<Estimate, String> text = EstimateText.of(kind);
    System.out.printf(
        "%s; %s of the answer in %s: %s, with noise on the subject %s%n",
        found.facts.summary(),
        kind.label(),
        EstimateText.unit(kind),
        text.apply(found.tracing.clean()),
        text.apply(found.tracing.corrupted()));
    System.out.printf(
        "average indirect effect of %s in %s, ± 95 %% interval%n",
        name(), EstimateText.isPercent(kind) ? "percentage points" : kind.unit());
    EstimateTable.print(found.tracing.effects(), text);
    Hint.print("'vidrio lens trace' shows a single prompt by position.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    found.facts.fill(object);
    object.put("site", name());
    object.put("window", window);
    object.put("noise", noise);
    object.put("runs", runs);
    object.put("metric_kind", spec().kind().key());
    object.put("clean_" + spec().kind().field(), EstimateText.toJson(found.tracing.clean()));
    object.put(
        "corrupted_" + spec().kind().field(), EstimateText.toJson(found.tracing.corrupted()));
    object.put("effects", EstimateTable.toJson(found.tracing.effects()));
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(
        EstimateTable.grid(
            "Causal tracing",
            "Average indirect effect of "
                + name()
                + " on the "
                + spec().kind().label()
                + " of the answer, "
                + found.facts.summary()
                + ".",
            "effect",
            found.tracing.effects()));
  }
}
