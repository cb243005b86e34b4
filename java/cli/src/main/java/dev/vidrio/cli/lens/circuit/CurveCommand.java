package dev.vidrio.cli.lens.circuit;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.PairsCommand;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.circuit.CircuitAblation;
import dev.vidrio.lens.circuit.CircuitCurve;
import dev.vidrio.lens.circuit.CircuitLevel;
import dev.vidrio.lens.circuit.CircuitRuns;
import dev.vidrio.lens.circuit.ComponentGraph;
import dev.vidrio.lens.circuit.EdgeScoring;
import dev.vidrio.lens.circuit.GraphFile;
import dev.vidrio.lens.circuit.ScoredGraph;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.View;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens curve}. */
@Command(
    name = "curve",
    description = {
      "Measures how faithful circuits of growing size are, as the benchmark MIB does.",
      "Scores edges, components or neurons, and runs the circuits of the strongest ones. Edges"
          + " outside a circuit are ablated. Faithfulness is 0 for the empty circuit and 1 for the"
          + " whole model."
    })
public final class CurveCommand extends PairsCommand<CurveCommand.Found> {
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();
  @Mixin private ScoringOption scoringOption = new ScoringOption();

  @Option(
      names = "--level",
      paramLabel = "LEVEL",
      defaultValue = "edge",
      description =
          "What circuits are made of: edge; node, all edges out of a component; neuron, elements of"
              + " components' outputs.")
  private CircuitLevel level = CircuitLevel.EDGE;

  @Option(
      names = "--sizes",
      paramLabel = "SHARES",
      split = ",",
      description = "Shares of the units, above 0 to 1, ascending. Default: 0.001 to 1 as in MIB.")
  private List<Double> sizes = CircuitCurve.SIZES;

  @Option(
      names = "--scores",
      paramLabel = "FILE.json",
      description =
          "Scores of a graph file of the program EAP-IG or of --graph, instead of --method.")
  private @Nullable Path scoresFile;

  @Option(
      names = "--graph",
      paramLabel = "FILE.json",
      description = "Also write the graph with all scores as the program EAP-IG does.")
  private @Nullable Path graphFile;

  /**
   * The curve.
   *
   * @param method that scored the units
   * @param scoringSeconds the time of scoring
   * @param curveSeconds the time of all circuits
   */
  record Found(CircuitCurve curve, String method, double scoringSeconds, double curveSeconds) {}

  @Override
  protected void check() {
    super.check();
    if (scoresFile != null && graphFile != null) {
      throw new UsageException("--graph: cannot be combined with --scores");
    }
    if (level == CircuitLevel.NEURON && scoringOption.ablation() == CircuitAblation.OPTIMAL) {
      throw new UsageException("--ablation optimal: must be patch, mean or zero of neurons");
    }
    if (scoresFile == null) {
      EdgeScoring scoring = scoringOption.scoring();
      if (level == CircuitLevel.NEURON && scoring.method() == EdgeScoring.Method.EXACT) {
        throw new UsageException("--method exact: must have gradients at the level of neurons");
      }
      if (scoring.method().gates() != null) {
        var _ = scoringOption.mask(level);
      }
    }
    OptionValues.of(() -> CircuitCurve.checkSizes(sizes));
    if (graphFile != null) {
      InputOutput.requireWritable(graphFile);
    }
  }

  @Override
  protected void requireMetric(MetricSpec spec) {
    if (scoresFile == null) {
      EdgesCommand.requireMetric(spec, scoringOption.scoring());
    }
  }

  @Override
  protected Found run(Lens exact, List<TextPair> pairs) {
    Lens lens = gradients.of(exact);
    long start = System.nanoTime();
    ScoredGraph scores;
    String method;
    if (scoresFile == null) {
      scores = EdgesCommand.score(lens, pairs, scoringOption, level).graph();
      method = scoringOption.describe(level);
    } else {
      String text = InputOutput.read(scoresFile);
      scores = GraphFile.read(ComponentGraph.of(lens), text).scores();
      method = String.valueOf(scoresFile.getFileName());
    }
    if (graphFile != null) {
      EdgesCommand.write(graphFile, scores, 0, level);
    }
    long scored = System.nanoTime();
    try (CircuitRuns runs = CircuitRuns.open(lens, pairs, scoringOption.ablation());
        var bar = new ProgressBar("circuits")) {
      CircuitCurve curve =
          CircuitCurve.of(runs, scores, level, sizes, share -> bar.update(share, ""));
      long end = System.nanoTime();
      return new Found(curve, method, (scored - start) / 1e9, (end - scored) / 1e9);
    }
  }

  private String summary(Found found) {
    CircuitCurve curve = found.curve;
    return String.format(
        "%s: clean %.3f, empty circuit %.3f; %d %ss by %s, others ablated by %s",
        label(),
        curve.clean(),
        curve.corrupted(),
        curve.units(),
        level.label(),
        found.method,
        scoringOption.ablation().label());
  }

  private static String areas(CircuitCurve curve) {
    return String.format(
        "CPR %.3f (area under faithfulness), CMD %.3f (area between faithfulness and 1)",
        curve.cpr(), curve.cmd());
  }

  @Override
  protected void print(Found found) {
    System.out.println(summary(found));
    System.out.printf(
        "%8s  %9s  %10s  %22s  %12s%n",
        "size", level.label() + "s", "edges left", metric().kind().label(), "faithfulness");
    for (CircuitCurve.Point point : found.curve.points()) {
      System.out.printf(
          "%6.1f %%  %9d  %10.0f  %22s  %12.3f%n",
          100 * point.size(), point.units(), point.edges(), point.metric(), point.faithfulness());
    }
    System.out.println(areas(found.curve));
    Hint.print(
        "edges left are on a path from the embedding to the logits; '-o FILE.html' draws the"
            + " curve.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    CircuitCurve curve = found.curve;
    fillRuns(object, curve.clean(), curve.corrupted());
    object.put("empty_circuit", curve.corrupted());
    object.put("pairs", judged().size());
    object.put("level", level.label());
    object.put("method", found.method);
    object.put("ablation", scoringOption.ablation().label());
    object.put("units", curve.units());
    List<JsonObject> points = new ArrayList<>();
    for (CircuitCurve.Point point : curve.points()) {
      double half = point.metric().halfWidth();
      points.add(
          new JsonObject()
              .with("size", point.size())
              .with("units", point.units())
              .with("edges", point.edges())
              .with(metric().kind().field(), point.metric().mean())
              .with("half_width", Double.isFinite(half) ? half : null)
              .with("faithfulness", point.faithfulness()));
    }
    object.put("points", points);
    object.put("cpr", curve.cpr());
    object.put("cmd", curve.cmd());
    object.put("scoring_seconds", found.scoringSeconds);
    object.put("curve_seconds", found.curveSeconds);
  }

  @Override
  protected List<? extends View> views(Found found) {
    List<Bars.Bar> bars =
        found.curve.points().stream()
            .map(
                point ->
                    new Bars.Bar(
                        String.format("%.1f %%, %d", 100 * point.size(), point.units()),
                        point.faithfulness()))
            .toList();
    String note = summary(found) + ". " + areas(found.curve) + ".";
    return List.of(new Bars("Faithfulness by size", note, bars));
  }
}
