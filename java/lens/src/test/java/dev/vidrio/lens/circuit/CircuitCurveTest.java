package dev.vidrio.lens.circuit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Circuits of pairs in batches, their curves, and the files of EAP-IG. */
class CircuitCurveTest extends BardTest {
  private static final List<TextPair> PAIRS =
      List.of(
          TextPair.of(
              new int[] {5, 120, 44, 700, 31, 8, 90}, new int[] {5, 120, 45, 700, 31, 9, 90}, 7, 8),
          TextPair.of(new int[] {5, 9, 44}, new int[] {5, 8, 44}, 17, 18),
          TextPair.of(new int[] {1, 2, 3, 4, 9}, new int[] {3, 2, 3, 4, 8}, 30, 31));

  @TempDir Path directory;

  private static Circuit random(ComponentGraph graph, double share) {
    var random = new Random(3);
    return new Circuit(
        graph.edges().filter(edge -> random.nextDouble() < share).collect(Collectors.toSet()));
  }

  /** A pair in a batch has the bits of a run of its own. */
  @ParameterizedTest
  @ValueSource(doubles = {0, 0.1, 0.6, 0.97, 1})
  void batchesEqualSinglePairs(double share) {
    try (CircuitRuns runs = CircuitRuns.open(lens, PAIRS)) {
      Circuit circuit = random(runs.graph(), share);
      double[] together = runs.runAll(List.of(circuit))[0];
      for (int i = 0; i < PAIRS.size(); i++) {
        TextPair pair = PAIRS.get(i);
        try (CircuitRun run = CircuitRun.open(lens, pair.clean(), pair.corrupted())) {
          assertEquals(run.run(circuit, pair.metric()), together[i]);
          assertEquals(pair.metric().of(lens, pair.clean()), runs.cleanValues()[i]);
          assertEquals(pair.metric().of(lens, pair.corrupted()), runs.corruptedValues()[i]);
        }
      }
      assertEquals(Estimate.of(together).mean(), runs.run(circuit), 1e-12);
    }
  }

  /** More pairs than a batch has, with more bytes than are kept. */
  @Test
  void runsManyBatches() {
    List<TextPair> many = new ArrayList<>();
    for (int i = 0; i < 70; i++) {
      many.add(PAIRS.get(i % 3));
    }
    try (CircuitRuns few = CircuitRuns.open(lens, PAIRS);
        CircuitRuns runs = CircuitRuns.open(lens, many)) {
      Circuit circuit = random(few.graph(), 0.3);
      double[] expected = few.runAll(List.of(circuit))[0];
      double[] actual = runs.runAll(List.of(circuit))[0];
      for (int i = 0; i < actual.length; i++) {
        assertEquals(expected[i % 3], actual[i]);
      }
    }
  }

  /** A component without edges has zeros, or its mean, as if it were set. */
  @ParameterizedTest
  @EnumSource(
      value = CircuitAblation.class,
      names = {"ZERO", "MEAN"})
  void ablatesComponents(CircuitAblation ablation) {
    TextPair pair = PAIRS.getFirst();
    var point = new HookPoint(HookSite.MLP_OUT, 1);
    try (CircuitRuns runs = CircuitRuns.open(lens, List.of(pair), ablation);
        ActivationCache cache = lens.run(pair.clean(), Capture.of(point.name()))) {
      float[] values = cache.get(point).toArray();
      int d = values.length / pair.length();
      var row = new float[d];
      for (int i = 0; ablation == CircuitAblation.MEAN && i < values.length; i++) {
        row[i % d] += values[i] / pair.length();
      }
      for (int i = 0; i < values.length; i++) {
        values[i] = row[i % d];
      }
      Intervention set = Intervention.set(point, values).positions(0, pair.length());
      double expected = pair.metric().of(lens, pair.clean(), List.of(set));
      Circuit whole = Circuit.whole(runs.graph());
      double actual = runs.run(whole.withoutNodes(List.of(new Node.Mlp(1))));
      assertEquals(expected, actual, 1e-4 * (1 + Math.abs(expected)));
      assertEquals(pair.metric().of(lens, pair.clean()), runs.run(whole));
    }
  }

  @ParameterizedTest
  @EnumSource(CircuitLevel.class)
  void curveEndsAtModel(CircuitLevel level) {
    ScoredGraph scores = scores(level);
    try (CircuitRuns runs = CircuitRuns.open(lens, PAIRS)) {
      List<Double> sizes = List.of(0.02, 0.3, 1.0);
      CircuitCurve curve = CircuitCurve.of(runs, scores, level, sizes, share -> {});
      assertEquals(1, curve.points().getLast().faithfulness());
      assertEquals((double) scores.graph().edges().count(), curve.points().getLast().edges());
      CircuitCurve.Point middle = curve.points().get(1);
      assertEquals((int) (0.3 * scores.count(level)), middle.units());
      if (level != CircuitLevel.NEURON) {
        Circuit circuit = scores.strongest(level, middle.units());
        assertEquals(runs.run(circuit), middle.metric().mean(), 1e-12);
        assertEquals(circuit.edges().size(), middle.edges());
      }
      double part = (middle.metric().mean() - runs.corrupted()) / (runs.clean() - runs.corrupted());
      assertEquals(part, middle.faithfulness(), 1e-12);
    }
  }

  private static ScoredGraph scores(CircuitLevel level) {
    ComponentGraph graph = ComponentGraph.of(lens);
    return level == CircuitLevel.NEURON
        ? ScoredGraph.of(graph, NeuronAttribution.of(lens, PAIRS, EdgeScoring.EAP, share -> {}))
        : ScoredGraph.of(graph, EdgeAttribution.of(lens, PAIRS));
  }

  /** Elements outside of a circuit of neurons have their values of the corrupted run. */
  @Test
  void neuronsEqualEdits() {
    TextPair pair = PAIRS.getFirst();
    ComponentGraph graph = ComponentGraph.of(lens);
    var mlp = new Node.Mlp(lens.model().architecture().layers() - 1);
    Map<Node.Source, double[]> scores = new HashMap<>();
    int d = graph.width();
    for (Node.Source source : graph.sources()) {
      var values = new double[d];
      java.util.Arrays.fill(values, 1);
      if (source.equals(mlp)) {
        java.util.Arrays.fill(values, 0, d / 2, 0);
      }
      scores.put(source, values);
    }
    var neurons = new ScoredGraph(graph, Map.of(), Map.of(), scores);
    int kept = neurons.count(CircuitLevel.NEURON) - d / 2;
    var point = new HookPoint(HookSite.MLP_OUT, mlp.layer());
    try (CircuitRuns runs = CircuitRuns.open(lens, List.of(pair));
        ActivationCache clean = lens.run(pair.clean(), Capture.of(point.name()));
        ActivationCache corrupted = lens.run(pair.corrupted(), Capture.of(point.name()))) {
      float[] values = clean.get(point).toArray();
      float[] other = corrupted.get(point).toArray();
      for (int i = 0; i < values.length; i++) {
        values[i] = i % d < d / 2 ? other[i] : values[i];
      }
      Intervention set = Intervention.set(point, values).positions(0, pair.length());
      double expected = pair.metric().of(lens, pair.clean(), List.of(set));
      ScoredGraph.Selection selection = neurons.top(CircuitLevel.NEURON, kept);
      double actual = runs.values(List.of(selection.masks()), share -> {})[0][0];
      assertEquals(expected, actual, 1e-4 * (1 + Math.abs(expected)));
      assertTrue(expected != runs.clean());
    }
  }

  /** By the trapezoids of MIB's evaluation.py. */
  @Test
  void areasOfCurve() {
    var one = new Estimate(0, 0, 1);
    var curve =
        new CircuitCurve(
            CircuitLevel.EDGE,
            100,
            1,
            0,
            List.of(
                new CircuitCurve.Point(0.1, 10, 10, one, 0.5),
                new CircuitCurve.Point(0.5, 50, 50, one, 1.3),
                new CircuitCurve.Point(1, 100, 100, one, 1)));
    assertEquals(0.4 * 0.9 + 0.5 * 1.15, curve.cpr(), 1e-12);
    assertEquals(0.4 * 0.4 + 0.5 * 0.15, curve.cmd(), 1e-12);
  }

  /** Each edge alone is left out; the strongest by exact scores are the most needed. */
  @Test
  @Tag("long")
  void exactScoresAreRunsWithoutEdges() {
    List<TextPair> one = PAIRS.subList(1, 2);
    EdgeScoring exact = new EdgeScoring(EdgeScoring.Method.EXACT, 1, EdgeScoring.Rule.MIDPOINT);
    EdgeAttribution edges = EdgeAttribution.of(lens, one, exact);
    try (CircuitRuns runs = CircuitRuns.open(lens, one)) {
      Circuit whole = Circuit.whole(runs.graph());
      for (Edge edge : edges.ranked().subList(0, 5)) {
        double without = runs.run(whole.without(List.of(edge)));
        assertEquals(
            without - runs.clean(),
            Objects.requireNonNull(edges.scores().get(edge)),
            1e-12,
            edge.name());
      }
    }
  }

  @Test
  void rejectsInvalidCurves() {
    ScoredGraph edges = scores(CircuitLevel.EDGE);
    try (CircuitRuns runs = CircuitRuns.open(lens, PAIRS)) {
      for (List<Double> sizes : List.of(List.<Double>of(), List.of(0.5, 0.5), List.of(1.5))) {
        assertThrows(
            InvalidInputException.class,
            () -> CircuitCurve.of(runs, edges, CircuitLevel.EDGE, sizes, share -> {}));
      }
      assertThrows(
          InvalidInputException.class,
          () -> CircuitCurve.of(runs, edges, CircuitLevel.NEURON, List.of(1.0), share -> {}));
    }
  }

  @ParameterizedTest
  @EnumSource(CircuitLevel.class)
  void writesAndReadsGraphs(CircuitLevel level) {
    ScoredGraph scores = scores(level);
    Set<Edge> strongest =
        level == CircuitLevel.EDGE ? new HashSet<>(scores.strongest(level, 20).edges()) : Set.of();
    String json = GraphFile.write(scores, new Circuit(strongest));
    GraphFile.Read read = GraphFile.read(scores.graph(), json);
    assertEquals(strongest, read.circuit().edges());
    scores
        .edges()
        .forEach(
            (edge, score) ->
                assertEquals(
                    score, Objects.requireNonNull(read.scores().edges().get(edge)), 1e-12));
    assertEquals(scores.nodes(), read.scores().nodes());
    scores
        .neurons()
        .forEach((node, values) -> assertArrayEquals(values, read.scores().neurons().get(node)));
  }

  /** Heads that share keys and values have edges of their own in the file. */
  @Test
  void namesEdgesAsProgramDoes() throws IOException {
    try (Model tiny = Model.open(TinyModels.write(directory.resolve("llama.gguf"), "llama"))) {
      ComponentGraph graph = ComponentGraph.of(Lens.of(tiny));
      var edge = new Edge(new Node.Head(0, 1), new Node.HeadInput(HookSite.K, 1, 1));
      int group = graph.heads(new Node.HeadInput(HookSite.K, 1, 1)).size();
      assertEquals(2, group);
      Map<Edge, Double> scores = new HashMap<>();
      graph.edges().forEach(each -> scores.put(each, each.equals(edge) ? 3.0 : 0.0));
      var scored = new ScoredGraph(graph, scores, Map.of(), Map.of());
      String json = GraphFile.write(scored, new Circuit(Set.of(edge)));
      assertTrue(json.startsWith("{\"cfg\":{\"n_layers\":"), json);
      for (String name : List.of("a0.h1->a1.h2<k>", "a0.h1->a1.h3<k>")) {
        assertTrue(json.contains("\"" + name + "\":{\"score\":1.5,\"in_graph\":true}"), name);
      }
      assertTrue(json.contains("\"input->m0\":{\"score\":0.0,\"in_graph\":false}"), json);
      assertTrue(json.contains("\"a0.h1\":{\"in_graph\":true}"), json);
      assertTrue(json.contains("\"logits\":{\"in_graph\":true}"), json);
      assertEquals(3.0, GraphFile.read(graph, json).scores().edges().get(edge));
      String other = json.replace("a0.h1->a1.h2<k>", "a0.h9->a1.h2<k>");
      String message =
          assertThrows(InvalidInputException.class, () -> GraphFile.read(graph, other))
              .getMessage();
      assertTrue(message.contains("a0.h1->a1.h2<k>: not found in the graph"), message);
    }
    ComponentGraph graph = ComponentGraph.of(lens);
    assertThrows(InvalidInputException.class, () -> GraphFile.read(graph, "{"));
    assertThrows(InvalidInputException.class, () -> GraphFile.read(graph, "{\"edges\":{}}"));
  }
}
