package dev.vidrio.cli.lens.circuit;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.PairsCommand;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.formats.file.AtomicFile;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.PairMeasure;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.circuit.Circuit;
import dev.vidrio.lens.circuit.CircuitAblation;
import dev.vidrio.lens.circuit.CircuitLevel;
import dev.vidrio.lens.circuit.ComponentGraph;
import dev.vidrio.lens.circuit.Edge;
import dev.vidrio.lens.circuit.EdgeAttribution;
import dev.vidrio.lens.circuit.EdgeScoring;
import dev.vidrio.lens.circuit.GateGradient;
import dev.vidrio.lens.circuit.GraphFile;
import dev.vidrio.lens.circuit.LearnedMask;
import dev.vidrio.lens.circuit.NeuronAttribution;
import dev.vidrio.lens.circuit.Node;
import dev.vidrio.lens.circuit.ScoredGraph;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.CircuitView;
import dev.vidrio.lens.page.View;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens edges}. */
@Command(
    name = "edges",
    description = {
      "Edge attribution patching: finds the edges between components that carry what two texts"
          + " differ in.",
      "A score is the estimated change, by gradients, of the logit difference of the answers, or of"
          + " another --metric, if the edge alone carries its value of the corrupted text; of masks"
          + " and ugs, the probability that a learned gate is open; with --gates, the gradient of"
          + " the KL divergence of the prediction with respect to a given gate."
    })
@JsonHelp("Print JSON, with all edges, components or neurons in the model's order.")
public final class EdgesCommand extends PairsCommand<EdgesCommand.Found> {
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();
  @Mixin private ScoringOption scoringOption = new ScoringOption();

  @Option(
      names = "--level",
      paramLabel = "LEVEL",
      defaultValue = "edge",
      description =
          "What to score: edge; node, all edges out of a component; neuron, an element of a"
              + " component's output.")
  private CircuitLevel level = CircuitLevel.EDGE;

  @Option(
      names = "--gates",
      paramLabel = "FILE.json",
      description =
          "A graph file with gates of edges as scores, 0 to 1, as learned by masks and ugs; score"
              + " each edge by the gradient with respect to its gate, instead of --method.")
  private @Nullable Path gatesFile;

  @Option(names = "--top", paramLabel = "K", description = "Scores to print; JSON has all.")
  private int top = 20;

  @Option(
      names = "--graph",
      paramLabel = "FILE.json",
      description =
          "Also write the graph with all scores as the program EAP-IG does; the K edges of --top"
              + " are in it.")
  private @Nullable Path graphFile;

  /**
   * The scores.
   *
   * @param scoring null for gradients of gates
   * @param neurons null unless they are scored
   * @param mask null unless it is learned
   * @param divergence at given gates, or null
   */
  record Found(
      ScoredGraph graph,
      double clean,
      double corrupted,
      @Nullable EdgeScoring scoring,
      @Nullable NeuronAttribution neurons,
      @Nullable LearnedMask mask,
      @Nullable Double divergence) {}

  @Override
  protected void check() {
    super.check();
    if (gatesFile == null) {
      checkScoring();
    } else if (scoringOption.isGiven()) {
      throw new UsageException("--method: cannot be combined with --gates");
    } else if (level != CircuitLevel.EDGE) {
      throw new UsageException("--level " + level.label() + ": must be edge with --gates");
    } else if (scoringOption.ablation() == CircuitAblation.OPTIMAL) {
      throw new UsageException("--ablation optimal: must be patch, mean or zero with --gates");
    }
    if (graphFile != null) {
      InputOutput.requireWritable(graphFile);
    }
  }

  private void checkScoring() {
    boolean learned = scoringOption.scoring().method().gates() != null;
    if (scoringOption.ablation() == CircuitAblation.OPTIMAL && !learned) {
      throw new UsageException(
          "--ablation optimal: must be patch, mean or zero, except with masks and ugs; optimal"
              + " constants are those of a circuit, in 'vidrio lens curve'");
    }
    if (learned) {
      var _ = scoringOption.mask(level);
    }
  }

  @Override
  protected void requireMetric(MetricSpec spec) {
    if (gatesFile == null) {
      requireMetric(spec, scoringOption.scoring());
    }
  }

  /** Rejects metrics without the gradient that a method uses. */
  static void requireMetric(MetricSpec spec, EdgeScoring scoring) {
    switch (scoring.method()) {
      case EAP -> spec.requireCleanGradient("eap");
      case EAP_IG_INPUTS, EAP_IG_ACTIVATIONS, CLEAN_CORRUPTED ->
          spec.requireDifferentiable(scoring.method().label());
      case INFORMATION_FLOW_ROUTES, MASKS, UGS, EXACT -> {}
    }
  }

  @Override
  protected Found run(Lens exact, List<TextPair> pairs) {
    Lens lens = gradients.of(exact);
    Found found =
        gatesFile == null
            ? score(lens, pairs, scoringOption, level)
            : gradients(lens, pairs, gatesFile);
    if (graphFile != null) {
      write(graphFile, found.graph, top, level);
    }
    return found;
  }

  /** Scores edges by the gradients with respect to given gates. */
  private Found gradients(Lens lens, List<TextPair> pairs, Path file) {
    ScoredGraph gates = GraphFile.read(ComponentGraph.of(lens), InputOutput.read(file)).scores();
    GateGradient gradient = GateGradient.of(lens, pairs, gates, scoringOption.ablation());
    PairMeasure measure = measure(lens, pairs);
    return new Found(
        gradient.scores(),
        measure.cleanMean().mean(),
        measure.corruptedMean().mean(),
        null,
        null,
        null,
        gradient.divergence());
  }

  /** Scores a graph, with a progress bar. */
  static Found score(Lens lens, List<TextPair> pairs, ScoringOption option, CircuitLevel level) {
    EdgeScoring scoring = option.scoring();
    ComponentGraph graph = ComponentGraph.of(lens);
    try (var bar = new ProgressBar("scores")) {
      DoubleConsumer progress = share -> bar.update(share, "");
      if (scoring.method().gates() != null) {
        LearnedMask mask = LearnedMask.of(lens, pairs, option.mask(level), progress);
        return new Found(mask.scores(), mask.clean(), mask.corrupted(), scoring, null, mask, null);
      }
      if (level == CircuitLevel.NEURON) {
        NeuronAttribution neurons = NeuronAttribution.of(lens, pairs, scoring, progress);
        ScoredGraph scores = ScoredGraph.of(graph, neurons);
        return new Found(
            scores, neurons.clean(), neurons.corrupted(), scoring, neurons, null, null);
      }
      EdgeAttribution edges = EdgeAttribution.of(lens, pairs, scoring, progress);
      ScoredGraph scores = ScoredGraph.of(graph, edges);
      return new Found(scores, edges.clean(), edges.corrupted(), scoring, null, null, null);
    }
  }

  /** Writes a graph file. */
  static void write(Path file, ScoredGraph graph, int top, CircuitLevel level) {
    Circuit circuit =
        level == CircuitLevel.EDGE
            ? graph.strongest(level, Math.clamp(top, 0, graph.edges().size()))
            : new Circuit(Set.of());
    try {
      byte[] json = GraphFile.write(graph, circuit).getBytes(StandardCharsets.UTF_8);
      AtomicFile.write(file, json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the scores of a level by name, in the model's order. */
  private static Map<String, Double> scores(Found found, CircuitLevel level) {
    Map<String, Double> scores = new LinkedHashMap<>();
    switch (level) {
      case EDGE -> found.graph.edges().forEach((edge, score) -> scores.put(edge.name(), score));
      case NODE -> found.graph.nodes().forEach((node, score) -> scores.put(node.name(), score));
      case NEURON ->
          found
              .graph
              .neurons()
              .forEach(
                  (node, values) -> {
                    for (int j = 0; j < values.length; j++) {
                      scores.put(node.name() + "[" + j + "]", values[j]);
                    }
                  });
    }
    return scores;
  }

  /** Returns the strongest scores, in descending order of magnitude. */
  private static <T> Map<T, Double> strongest(Map<T, Double> scores, int count) {
    Map<T, Double> strongest = new LinkedHashMap<>();
    scores.entrySet().stream()
        .sorted(Comparator.comparingDouble(entry -> -Math.abs(entry.getValue())))
        .limit(Math.max(0, count))
        .forEach(entry -> strongest.put(entry.getKey(), entry.getValue()));
    return strongest;
  }

  @Override
  protected void print(Found found) {
    Map<String, Double> scores = scores(found, level);
    System.out.printf(
        "%s; %d %ss%n", runs(found.clean, found.corrupted), scores.size(), level.label());
    if (found.mask != null) {
      System.out.printf(
          "gates: %.1f %% open, KL divergence of the prediction %.3f nats%n",
          100 * found.mask.kept(), found.mask.divergence());
    }
    if (found.divergence != null) {
      System.out.printf(
          "KL divergence of the prediction at the gates %.4f nats; scores are its gradient%n",
          found.divergence);
    }
    System.out.println("   score  " + level.label());
    strongest(scores, top).forEach((name, score) -> System.out.printf("%+8.3f  %s%n", score, name));
    Hint.print(
        "'vidrio lens circuit --candidates K' tests the strongest K edges; 'vidrio lens curve'"
            + " tests circuits of all sizes.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    fillRuns(object, found.clean, found.corrupted);
    if (found.scoring != null) {
      object.put("method", found.scoring.method().label());
      object.put("steps", found.scoring.steps());
      object.put("rule", found.scoring.rule().label());
    } else {
      object.put("gates", String.valueOf(gatesFile));
      object.put("kl_divergence", found.divergence);
    }
    object.put("ablation", scoringOption.ablation().label());
    if (found.mask != null) {
      object.put("keep", scoringOption.mask(level).keep());
      object.put("seed", scoringOption.mask(level).seed());
      object.put("kept", found.mask.kept());
      object.put("kl_divergence", found.mask.divergence());
    }
    List<JsonObject> scores = new ArrayList<>();
    switch (level) {
      case EDGE ->
          found
              .graph
              .edges()
              .forEach(
                  (edge, score) -> scores.add(CircuitCommand.toJson(edge).with("score", score)));
      case NODE ->
          found
              .graph
              .nodes()
              .forEach((node, score) -> scores.add(toJson(node).with("score", score)));
      case NEURON ->
          found
              .graph
              .neurons()
              .forEach((node, values) -> scores.add(toJson(node).with("scores", values)));
    }
    object.put(level == CircuitLevel.EDGE ? "edges" : "components", scores);
  }

  private static JsonObject toJson(Node node) {
    return new JsonObject().with("component", node.name());
  }

  /** Returns the meaning of the scores in words. */
  private String meaning(Found found) {
    if (found.divergence != null) {
      return "the gradient of the KL divergence with respect to the gate";
    }
    return found.mask != null
        ? "the probability that the learned gate is open"
        : "by how much the "
            + label()
            + " moves when the "
            + level.label()
            + " alone carries its value from the corrupted text";
  }

  /** Returns the strongest edges as a graph and as bars. */
  @Override
  protected List<? extends View> views(Found found) {
    Map<String, Double> scores = scores(found, level);
    int shown = Math.clamp(top, 0, scores.size());
    String note =
        String.format(
            "The strongest %d of %d %ss: %s. Clean %.3f, corrupted %.3f.",
            shown, scores.size(), level.label(), meaning(found), found.clean, found.corrupted);
    if (level != CircuitLevel.EDGE) {
      List<Bars.Bar> bars = new ArrayList<>();
      strongest(scores, top).forEach((name, score) -> bars.add(new Bars.Bar(name, score)));
      return List.of(new Bars("Attribution patching", note, bars));
    }
    Map<Edge, Double> strongest = strongest(found.graph.edges(), top);
    ComponentGraph graph = Objects.requireNonNull(found.graph.graph());
    return List.of(
        CircuitView.of("Edge attribution patching", note, graph, strongest),
        CircuitCommand.bars("Scores by edge.", strongest));
  }
}
