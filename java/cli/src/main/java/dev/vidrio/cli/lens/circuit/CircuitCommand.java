package dev.vidrio.cli.lens.circuit;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.PairsCommand;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.circuit.AutomaticCircuitDiscovery;
import dev.vidrio.lens.circuit.Circuit;
import dev.vidrio.lens.circuit.CircuitAblation;
import dev.vidrio.lens.circuit.CircuitEvaluation;
import dev.vidrio.lens.circuit.CircuitEvaluation.Faithfulness;
import dev.vidrio.lens.circuit.CircuitLevel;
import dev.vidrio.lens.circuit.CircuitRuns;
import dev.vidrio.lens.circuit.ComponentGraph;
import dev.vidrio.lens.circuit.Edge;
import dev.vidrio.lens.circuit.EdgeAttribution;
import dev.vidrio.lens.circuit.Node;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.CircuitView;
import dev.vidrio.lens.page.View;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens circuit}. */
@Command(
    name = "circuit",
    description = {
      "Finds a circuit: the edges between components that an answer depends on (ACDC).",
      "An edge stays if the logit difference of the two answers, or another --metric, changes when"
          + " the edge is ablated, by default to its value from the corrupted text.",
      "Components are named embed, L3.H7 and L3.mlp. All edges out of a component that is knocked"
          + " out are ablated."
    })
public final class CircuitCommand extends PairsCommand<CircuitCommand.Found> {
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();
  @Mixin private ScoringOption scoringOption = new ScoringOption();

  @Option(
      names = "--threshold",
      paramLabel = "SHARE",
      description =
          "Keep edges that change the difference between the two texts by at least this share.")
  private double threshold = 0.02;

  @Option(
      names = "--candidates",
      paramLabel = "K",
      description =
          "Consider only the K strongest edges by --method, edge attribution patching (EAP-IG)"
              + " unless it is given; 0: all.")
  private int candidateCount;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Strongest edges to print; JSON has all.")
  private int top = 40;

  @Option(
      names = "--without",
      paramLabel = "NAMES",
      split = ",",
      description =
          "Completeness: the difference between circuit and model with these components knocked"
              + " out.")
  private List<String> without = new ArrayList<>();

  @Option(
      names = "--minimality",
      description =
          "Minimality: the change of the circuit's metric with each of its components"
              + " knocked out, in addition to those of --without.")
  private boolean minimality;

  @Option(names = "--dot", description = "Print the graph for Graphviz.")
  private boolean dot;

  /**
   * The circuit and its evaluation.
   *
   * @param effects the effect of each edge of the circuit
   * @param completeness null if no components are knocked out
   * @param minimalities by component of the circuit; empty unless requested
   */
  record Found(
      ComponentGraph graph,
      Map<Edge, Double> effects,
      Faithfulness faithfulness,
      int candidates,
      @Nullable Double completeness,
      Map<String, Double> minimalities) {}

  @Override
  protected void check() {
    super.check();
    if (!(threshold >= 0)) {
      throw new InvalidInputException("threshold", Double.toString(threshold), "must be 0 or more");
    }
    UsageException.requireAtLeast("--candidates", candidateCount, 0);
    if (scoringOption.ablation() == CircuitAblation.OPTIMAL) {
      throw new UsageException(
          "--ablation optimal: must be patch, mean or zero, since constants are trained for each of"
              + " the circuits; 'vidrio lens curve' has it");
    }
    if (candidateCount == 0 && scoringOption.isGiven()) {
      throw new UsageException("--method: requires --candidates, which it selects");
    }
    if (candidateCount > 0 && scoringOption.scoring().method().gates() != null) {
      var _ = scoringOption.mask(CircuitLevel.EDGE);
    }
  }

  @Override
  protected void requireMetric(MetricSpec spec) {
    if (candidateCount > 0 && scoringOption.isGiven()) {
      EdgesCommand.requireMetric(spec, scoringOption.scoring());
    } else if (candidateCount > 0) {
      spec.requireDifferentiable("--candidates");
    }
  }

  @Override
  protected Found run(Lens exact, List<TextPair> pairs) {
    Lens lens = gradients.of(exact);
    try (CircuitRuns runs = CircuitRuns.open(lens, pairs, scoringOption.ablation());
        var bar = new ProgressBar("edges")) {
      List<Node.Source> removed = without.stream().map(name -> source(runs.graph(), name)).toList();
      double difference = runs.clean() - runs.corrupted();
      if (difference == 0) {
        throw new InvalidInputException(
            "corrupted text", "", "has the same " + metric().kind().label() + " as the clean text");
      }
      Circuit candidates =
          candidateCount == 0
              ? Circuit.whole(runs.graph())
              : scores(lens, pairs).strongest(candidateCount);
      int edges = candidates.edges().size();
      double least = threshold * Math.abs(difference);
      Circuit circuit =
          AutomaticCircuitDiscovery.of(
              runs, least, candidates, n -> bar.update(n / (double) edges, ""));
      var evaluation = new CircuitEvaluation(runs, circuit);
      return new Found(
          runs.graph(),
          evaluation.effects(),
          evaluation.faithfulness(),
          edges,
          removed.isEmpty() ? null : evaluation.completeness(removed),
          minimality ? minimalities(runs.graph(), circuit, evaluation, removed) : Map.of());
    }
  }

  private EdgeAttribution scores(Lens lens, List<TextPair> pairs) {
    EdgesCommand.Found found = EdgesCommand.score(lens, pairs, scoringOption, CircuitLevel.EDGE);
    return new EdgeAttribution(found.clean(), found.corrupted(), found.graph().edges());
  }

  private static Node.Source source(ComponentGraph graph, String name) {
    String wanted = name.strip();
    List<String> names = graph.sources().stream().map(Node::name).toList();
    if (!names.contains(wanted)) {
      throw new InvalidInputException(
          "component", wanted, "unknown; components are embed, L0.H0 to " + names.getLast());
    }
    return graph.sources().get(names.indexOf(wanted));
  }

  /** Returns the minimality of each component with an outgoing edge, in the model's order. */
  private static Map<String, Double> minimalities(
      ComponentGraph graph,
      Circuit circuit,
      CircuitEvaluation evaluation,
      List<Node.Source> removed) {
    Map<String, Double> result = new LinkedHashMap<>();
    for (Node.Source source : graph.sources()) {
      boolean writes = circuit.edges().stream().anyMatch(edge -> edge.from().equals(source));
      if (writes && !removed.contains(source)) {
        result.put(source.name(), evaluation.minimality(source, removed));
      }
    }
    return result;
  }

  private CircuitView view(Found found) {
    return CircuitView.of("Circuit", note(found), found.graph, found.effects);
  }

  private String note(Found found) {
    String runs = runs(found.faithfulness.clean(), found.faithfulness.corrupted());
    return String.format(
        "%d of %d edges. %s%s, circuit %.3f (%.0f %% recovered).",
        found.effects.size(),
        found.candidates,
        runs.substring(0, 1).toUpperCase(Locale.ROOT),
        runs.substring(1),
        found.faithfulness.circuit(),
        100 * found.faithfulness.recovered());
  }

  @Override
  protected void print(Found found) {
    if (dot) {
      System.out.print(view(found).dot());
      return;
    }
    System.out.println(note(found));
    System.out.println("  effect  edge");
    found.effects.entrySet().stream()
        .sorted((a, b) -> Double.compare(Math.abs(b.getValue()), Math.abs(a.getValue())))
        .limit(Math.max(0, top))
        .forEach(e -> System.out.printf("%+8.3f  %s%n", e.getValue(), e.getKey().name()));
    if (found.completeness != null) {
      System.out.printf(
          "completeness without %s: %.3f%n", String.join(", ", without), found.completeness);
    }
    if (minimality) {
      System.out.println("minimality  component");
      found.minimalities.entrySet().stream()
          .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
          .limit(Math.max(0, top))
          .forEach(e -> System.out.printf("%10.3f  %s%n", e.getValue(), e.getKey()));
    }
    Hint.print("'-o FILE.html' draws the circuit; 'vidrio lens path' tests single heads.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    fillRuns(object, found.faithfulness.clean(), found.faithfulness.corrupted());
    object.put("circuit_" + metric().kind().field(), found.faithfulness.circuit());
    object.put("recovered", found.faithfulness.recovered());
    object.put("faithfulness", found.faithfulness.difference());
    if (found.completeness != null) {
      object.with("without", without).with("completeness", found.completeness);
    }
    if (minimality) {
      object.put("minimality", found.minimalities);
    }
    object.put("pairs", judged().size());
    object.put("candidates", found.candidates);
    object.put("ablation", scoringOption.ablation().label());
    object.put(
        "edges",
        found.effects.entrySet().stream()
            .map(effect -> toJson(effect.getKey()).with("effect", effect.getValue()))
            .toList());
  }

  static JsonObject toJson(Edge edge) {
    return new JsonObject().with("from", edge.from().name()).with("to", edge.to().name());
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(
        view(found),
        bars("The drop of the " + metric().kind().label() + " without an edge.", found.effects));
  }

  static Bars bars(String note, Map<Edge, Double> edges) {
    return new Bars(
        "Edges",
        note,
        edges.entrySet().stream().map(e -> new Bars.Bar(e.getKey().name(), e.getValue())).toList());
  }
}
