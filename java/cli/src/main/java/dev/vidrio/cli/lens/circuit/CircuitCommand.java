package dev.vidrio.cli.lens.circuit;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.TextPairsOption;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.circuit.AutomaticCircuitDiscovery;
import dev.vidrio.lens.circuit.Circuit;
import dev.vidrio.lens.circuit.CircuitEvaluation;
import dev.vidrio.lens.circuit.CircuitEvaluation.Faithfulness;
import dev.vidrio.lens.circuit.CircuitRuns;
import dev.vidrio.lens.circuit.ComponentGraph;
import dev.vidrio.lens.circuit.Edge;
import dev.vidrio.lens.circuit.EdgeAttribution;
import dev.vidrio.lens.circuit.Node;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.CircuitView;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens circuit}. */
@Command(
    name = "circuit",
    description = {
      "Finds a circuit: the edges between components that an answer depends on (ACDC).",
      "An edge stays if the logit difference of the two answers changes when the"
          + " edge carries its value from the corrupted text instead.",
      "Components are named embed, L3.H7 and L3.mlp. A component that is knocked out has its"
          + " output of the corrupted text."
    })
public final class CircuitCommand implements Callable<Integer> {
  /** The number of gradients that EAP-IG averages. */
  private static final int STEPS = 5;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextPairsOption texts = new TextPairsOption();
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();
  @Mixin private PageOption page = new PageOption();

  @Option(
      names = "--threshold",
      paramLabel = "SHARE",
      description =
          "Keep edges that change the difference between the two texts by at least"
              + " this share. Default: ${DEFAULT-VALUE}.")
  private double threshold = 0.02;

  @Option(
      names = "--candidates",
      paramLabel = "K",
      description =
          "Consider only the K strongest edges by edge attribution patching"
              + " (EAP-IG); 0: all. Default: ${DEFAULT-VALUE}.")
  private int candidateCount;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Strongest edges to print; JSON has all. Default: ${DEFAULT-VALUE}.")
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
          "Minimality: the change of the circuit's logit difference with each of its components"
              + " knocked out, in addition to those of --without.")
  private boolean minimality;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Option(names = "--dot", description = "Print the graph for Graphviz.")
  private boolean dot;

  /**
   * The circuit and its evaluation.
   *
   * @param effects the effect of each edge of the circuit
   * @param completeness null if no components are knocked out
   * @param minimalities by component of the circuit; empty unless requested
   */
  private record Found(
      ComponentGraph graph,
      Map<Edge, Double> effects,
      Faithfulness faithfulness,
      int candidates,
      int pairs,
      @Nullable Double completeness,
      Map<String, Double> minimalities) {}

  @Override
  public Integer call() throws IOException {
    page.check();
    if (!(threshold >= 0)) {
      throw new InvalidInputException("threshold", Double.toString(threshold), "must be 0 or more");
    }
    try (Model opened = model.open()) {
      List<TextPair> pairs = TextPairsOption.pairs(texts.all(opened));
      Found found = find(gradients.lens(opened), pairs);
      if (page.isWanted()) {
        int[] tokens = TextPairsOption.tokens(pairs);
        page.write(opened, "vidrio lens circuit", tokens, List.of(view(found), bars(found)));
      } else if (json) {
        Json.print(contents(opened, found));
      } else if (dot) {
        System.out.print(view(found).dot());
      } else {
        print(found);
      }
    }
    return 0;
  }

  private Found find(Lens lens, List<TextPair> pairs) {
    try (CircuitRuns runs = CircuitRuns.open(lens, pairs);
        var bar = new ProgressBar("edges")) {
      List<Node.Source> removed = without.stream().map(name -> source(runs.graph(), name)).toList();
      double difference = runs.clean() - runs.corrupted();
      if (difference == 0) {
        throw new InvalidInputException(
            "corrupted text", "", "has the same logit difference as the clean text");
      }
      Circuit candidates =
          candidateCount == 0
              ? Circuit.whole(runs.graph())
              : EdgeAttribution.integrated(lens, pairs, STEPS).strongest(candidateCount);
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
          pairs.size(),
          removed.isEmpty() ? null : evaluation.completeness(removed),
          minimality ? minimalities(runs.graph(), circuit, evaluation, removed) : Map.of());
    }
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

  private static String note(Found found) {
    return String.format(
        "%d of %d edges. %s: clean %.3f, corrupted %.3f, circuit %.3f (%.0f %% recovered).",
        found.effects().size(),
        found.candidates(),
        found.pairs() == 1
            ? "Logit difference"
            : "Logit difference, mean of " + found.pairs() + " pairs",
        found.faithfulness().clean(),
        found.faithfulness().corrupted(),
        found.faithfulness().circuit(),
        100 * found.faithfulness().recovered());
  }

  private static CircuitView view(Found found) {
    return CircuitView.of("Circuit", note(found), found.graph(), found.effects());
  }

  private static Bars bars(Found found) {
    return new Bars(
        "Edges",
        "The drop of the logit difference without an edge.",
        found.effects().entrySet().stream()
            .map(e -> new Bars.Bar(e.getKey().name(), e.getValue()))
            .toList());
  }

  private void print(Found found) {
    System.out.println(note(found));
    System.out.println("  effect  edge");
    found.effects().entrySet().stream()
        .sorted((a, b) -> Double.compare(Math.abs(b.getValue()), Math.abs(a.getValue())))
        .limit(Math.max(0, top))
        .forEach(e -> System.out.printf("%+8.3f  %s%n", e.getValue(), e.getKey().name()));
    if (found.completeness() != null) {
      System.out.printf(
          "completeness without %s: %.3f%n", String.join(", ", without), found.completeness());
    }
    if (minimality) {
      System.out.println("minimality  component");
      found.minimalities().entrySet().stream()
          .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
          .limit(Math.max(0, top))
          .forEach(e -> System.out.printf("%10.3f  %s%n", e.getValue(), e.getKey()));
    }
    Hint.print("'-o FILE.html' draws the circuit; 'vidrio lens path' tests single heads.");
  }

  private Map<String, Object> contents(Model opened, Found found) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("clean_logit_difference", found.faithfulness().clean());
    result.put("corrupted_logit_difference", found.faithfulness().corrupted());
    result.put("circuit_logit_difference", found.faithfulness().circuit());
    result.put("recovered", found.faithfulness().recovered());
    result.put("faithfulness", found.faithfulness().difference());
    if (found.completeness() != null) {
      result.put("without", without);
      result.put("completeness", found.completeness());
    }
    if (minimality) {
      result.put("minimality", found.minimalities());
    }
    result.put("pairs", found.pairs());
    result.put("candidates", found.candidates());
    result.put("edges", found.effects().entrySet().stream().map(CircuitCommand::edge).toList());
    return result;
  }

  private static Map<String, Object> edge(Map.Entry<Edge, Double> entry) {
    Map<String, Object> edge = new LinkedHashMap<>();
    edge.put("from", entry.getKey().from().name());
    edge.put("to", entry.getKey().to().name());
    edge.put("effect", entry.getValue());
    return edge;
  }
}
