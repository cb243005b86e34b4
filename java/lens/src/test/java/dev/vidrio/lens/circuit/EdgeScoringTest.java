package dev.vidrio.lens.circuit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.F32BardTest;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.circuit.EdgeScoring.Method;
import dev.vidrio.lens.circuit.EdgeScoring.Rule;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.partial.RowGradient;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Scores of edges in batches against sessions of one text and parts that run head by head. */
class EdgeScoringTest extends F32BardTest {
  private static final List<TextPair> PAIRS =
      List.of(
          TextPair.of(
              new int[] {5, 120, 44, 700, 31, 8, 90}, new int[] {5, 120, 45, 700, 31, 9, 90}, 7, 8),
          TextPair.of(new int[] {5, 9, 44}, new int[] {5, 8, 44}, 17, 18),
          TextPair.of(new int[] {1, 2, 3, 4, 9}, new int[] {3, 2, 3, 4, 8}, 30, 31));

  @TempDir Path directory;

  private static EdgeScoring scoring(Method method, int steps, Rule rule) {
    return new EdgeScoring(method, steps, rule);
  }

  private static double magnitude(EdgeAttribution edges) {
    return edges.scores().values().stream().mapToDouble(Math::abs).max().orElseThrow();
  }

  private static <K, V> V get(Map<K, V> map, K key) {
    return Objects.requireNonNull(map.get(key));
  }

  /** The gradient of each input is that of the part of the model from the stream to it. */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void equalsPartsHeadByHead(String name) throws IOException {
    int[] clean = TinyModels.expected(name).ints("tokens");
    int[] corrupted = clean.clone();
    corrupted[2] = (corrupted[2] + 1) % 40;
    var pair = TextPair.of(clean, corrupted, 3, 4);
    try (Model tiny = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens of = Lens.of(tiny);
      ComponentGraph graph;
      try {
        graph = ComponentGraph.of(of);
      } catch (InvalidInputException _) {
        return; // CircuitRunTest checks which models are refused
      }
      EdgeAttribution edges = EdgeAttribution.of(of, List.of(pair));
      Map<Edge, Double> expected = byHead(of, graph, pair);
      double bound = 2e-5 * magnitude(edges);
      expected.forEach(
          (edge, score) -> assertEquals(score, get(edges.scores(), edge), bound, edge.name()));
      assertEquals(expected.size(), edges.scores().size());
    }
  }

  private static Map<Edge, Double> byHead(Lens lens, ComponentGraph graph, TextPair pair) {
    HookMap hooks = HookMap.of(lens.model());
    int layers = lens.model().architecture().layers();
    int n = pair.length();
    Map<Node.Source, float[]> changes = changes(lens, graph, pair);
    Map<Edge, Double> scores = new HashMap<>();
    String all =
        "*.hook_resid_pre, *.hook_q, *.hook_k, *.hook_v, *.hook_mlp_out, blocks.-1.hook_resid_post"
            + (hooks.has(new HookPoint(HookSite.GATE, 0)) ? ", *.attn.hook_gate" : "")
            + (hooks.has(new HookPoint(HookSite.RESID_MID, 0)) ? ", *.hook_resid_mid" : "");
    try (var session = GradientSession.open(lens, GradientOptions.of(all, n))) {
      session.run(pair.clean(), pair.metric());
      for (Node.Destination to : graph.destinations()) {
        float[] gradient =
            switch (to) {
              case Node.HeadInput in ->
                  through(
                      lens,
                      session,
                      new HookPoint(HookSite.RESID_PRE, in.layer()),
                      new HookPoint(in.site(), in.layer()),
                      in.head(),
                      graph.inputs(in.site(), in.layer()).size());
              case Node.Mlp mlp ->
                  through(
                      lens,
                      session,
                      hooks.beforeMlp(mlp.layer()),
                      new HookPoint(HookSite.MLP_OUT, mlp.layer()),
                      0,
                      1);
              case Node.Logits _ ->
                  session.gradient(new HookPoint(HookSite.RESID_POST, layers - 1)).toArray();
            };
        for (Node.Source from : graph.inputsOf(to)) {
          scores.put(new Edge(from, to), Vectors.dot(get(changes, from), gradient));
        }
      }
    }
    return scores;
  }

  private static float[] through(
      Lens lens, GradientSession session, HookPoint from, HookPoint at, int head, int heads) {
    HookMap hooks = HookMap.of(lens.model());
    Buffer x = hooks.buffer(from);
    Buffer y = hooks.buffer(at);
    Activation stream = session.activation(from);
    MemorySegment dy = session.gradient(at).data();
    int n = Math.toIntExact(stream.elements() / x.width());
    var gradient = new float[n * x.width()];
    try (var part =
        new RowGradient(
            lens.model().executor(),
            hooks.between(x, y),
            lens.model().architecture().plan().kv(),
            x,
            List.of(y),
            n)) {
      long bytes = 4L * y.width() / heads;
      for (int i = 0; i < n; i++) {
        long place = ((long) i * heads + head) * bytes;
        MemorySegment.copy(dy, place, part.seed(y), place, bytes);
      }
      part.run(
          n,
          (i, row) -> row.copyFrom(stream.data().asSlice(i * row.byteSize(), row.byteSize())),
          (i, row) -> MemorySegment.copy(row, JAVA_FLOAT, 0, gradient, i * x.width(), x.width()));
    }
    return gradient;
  }

  private static Map<Node.Source, float[]> changes(Lens lens, ComponentGraph graph, TextPair pair) {
    Map<Node.Source, float[]> clean = outputs(lens, pair.clean());
    Map<Node.Source, float[]> corrupted = outputs(lens, pair.corrupted());
    Map<Node.Source, float[]> changes = new HashMap<>();
    graph.sources().forEach(s -> changes.put(s, Vectors.minus(get(corrupted, s), get(clean, s))));
    return changes;
  }

  private static Map<Node.Source, float[]> outputs(Lens lens, int[] tokens) {
    HookMap hooks = HookMap.of(lens.model());
    Map<Node.Source, float[]> outputs = new HashMap<>();
    Capture capture = Capture.of("hook_embed, *.hook_result, *.hook_mlp_out");
    try (ActivationCache cache = lens.run(tokens, capture)) {
      outputs.put(new Node.Embedding(), cache.get(HookSite.EMBED).toArray());
      for (int l = 0; l < lens.model().architecture().layers(); l++) {
        outputs.put(new Node.Mlp(l), cache.get(HookSite.MLP_OUT, l).toArray());
        for (int i = 0; i < tokens.length; i++) {
          float[][] heads = HeadOutputs.of(hooks, cache, l, i);
          for (int h = 0; h < heads.length; h++) {
            int d = heads[h].length;
            float[] all =
                outputs.computeIfAbsent(
                    new Node.Head(l, h), ignored -> new float[tokens.length * d]);
            System.arraycopy(heads[h], 0, all, i * d, d);
          }
        }
      }
    }
    return outputs;
  }

  /** Pairs of different lengths in one batch have the scores of runs of their own. */
  @ParameterizedTest
  @EnumSource(
      value = Method.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"EXACT", "MASKS", "UGS"})
  void batchesEqualSinglePairs(Method method) {
    EdgeScoring scoring = scoring(method, 2, Rule.MIDPOINT);
    List<TextPair> pairs = PAIRS;
    EdgeAttribution all = EdgeAttribution.of(lens, pairs, scoring);
    Map<Edge, Double> mean = new HashMap<>();
    for (TextPair pair : pairs) {
      EdgeAttribution.of(lens, List.of(pair), scoring)
          .scores()
          .forEach((edge, score) -> mean.merge(edge, score / pairs.size(), Double::sum));
    }
    double bound = 1e-12 * (1 + magnitude(all));
    mean.forEach((edge, score) -> assertEquals(score, get(all.scores(), edge), bound, edge.name()));
  }

  /** With one gradient, EAP-IG's program takes that of the corrupted run. */
  @Test
  void ruleOfProgramIncludesCorruptedText() {
    EdgeAttribution clean = EdgeAttribution.of(lens, PAIRS);
    EdgeAttribution corrupted =
        EdgeAttribution.of(lens, PAIRS, scoring(Method.EAP_IG_INPUTS, 1, Rule.EAP_IG));
    EdgeAttribution both =
        EdgeAttribution.of(lens, PAIRS, scoring(Method.CLEAN_CORRUPTED, 1, Rule.MIDPOINT));
    double bound = 1e-5 * magnitude(clean);
    both.scores()
        .forEach(
            (edge, score) ->
                assertEquals(
                    (get(clean.scores(), edge) + get(corrupted.scores(), edge)) / 2,
                    score,
                    bound,
                    edge.name()));
    assertEquals(
        0.5, new EdgeScoring(Method.EAP_IG_INPUTS, 2, Rule.EAP_IG).parts()[0], "1/2 and 2/2");
    assertEquals(0.75, new EdgeScoring(Method.EAP_IG_INPUTS, 2, Rule.MIDPOINT).parts()[1]);
    assertEquals(0.5, new EdgeScoring(Method.EAP_IG_ACTIVATIONS, 2, Rule.EAP_IG).parts()[1]);
  }

  /**
   * A component's score is its change times the mean gradient over all runs between activations.
   */
  @Test
  void integratesActivations() {
    TextPair pair = PAIRS.getFirst();
    int n = pair.length();
    String hooks = "hook_embed, *.hook_z, *.hook_mlp_out";
    Map<String, Double> expected = new HashMap<>();
    try (GradientSession session =
        GradientSession.open(lens, GradientOptions.of(hooks, n).withEditable(hooks))) {
      Map<HookPoint, float[]> there = new HashMap<>();
      Map<HookPoint, float[]> here = new HashMap<>();
      session.forward(pair.corrupted());
      session.points().forEach(p -> there.put(p, session.activation(p).toArray()));
      session.forward(pair.clean());
      session.points().forEach(p -> here.put(p, session.activation(p).toArray()));
      for (HookPoint moved : session.points()) {
        for (double part : new double[] {0.25, 0.75}) {
          float[] between = get(here, moved).clone();
          for (int i = 0; i < between.length; i++) {
            between[i] += (float) (part * (get(there, moved)[i] - between[i]));
          }
          session.edits(List.of(Intervention.set(moved, between).positions(0, n)));
          session.run(pair.clean(), pair.metric());
          for (HookPoint point : session.points()) {
            float[] change = Vectors.minus(get(there, point), get(here, point));
            double score = Vectors.dot(change, session.gradient(point).toArray());
            expected.merge(point.name(), score / 2 / session.points().size(), Double::sum);
          }
        }
      }
    }
    EdgeAttribution edges =
        EdgeAttribution.of(
            lens, List.of(pair), scoring(Method.EAP_IG_ACTIVATIONS, 2, Rule.MIDPOINT));
    Map<String, Double> actual = new HashMap<>();
    edges
        .components()
        .forEach(
            (node, score) -> {
              HookPoint point =
                  switch (node) {
                    case Node.Embedding() -> HookPoint.of(HookSite.EMBED);
                    case Node.Head head -> new HookPoint(HookSite.Z, head.layer());
                    case Node.Mlp mlp -> new HookPoint(HookSite.MLP_OUT, mlp.layer());
                  };
              actual.merge(point.name(), score, Double::sum);
            });
    double bound = 1e-4 * magnitude(edges);
    expected.forEach((point, score) -> assertEquals(score, get(actual, point), bound, point));
  }

  /** Shares of the sources of an input add up to 1, and are those of the formula. */
  @Test
  void routesAreShares() {
    TextPair pair = PAIRS.get(1);
    EdgeAttribution edges =
        EdgeAttribution.of(
            lens, List.of(pair), scoring(Method.INFORMATION_FLOW_ROUTES, 1, Rule.MIDPOINT));
    Map<Node.Source, float[]> outputs = outputs(lens, pair.clean());
    ComponentGraph graph = ComponentGraph.of(lens);
    var to = new Node.Mlp(2);
    try (ActivationCache cache = lens.run(pair.clean(), Capture.of("*.hook_resid_mid"))) {
      List<Node.Source> sources = graph.inputsOf(to);
      var expected = new double[sources.size()];
      for (int i = 0; i < pair.length(); i++) {
        float[] y = cache.get(HookSite.RESID_MID, 2).row(i);
        var shares = new double[sources.size()];
        double sum = 0;
        for (int s = 0; s < shares.length; s++) {
          float[] z =
              java.util.Arrays.copyOfRange(
                  outputs.get(sources.get(s)), i * y.length, (i + 1) * y.length);
          shares[s] = Math.max(0, Vectors.norm1(y) - Vectors.norm1(Vectors.minus(y, z)));
          sum += shares[s];
        }
        for (int s = 0; s < shares.length; s++) {
          expected[s] += shares[s] / sum / pair.length();
        }
      }
      double total = 0;
      for (int s = 0; s < expected.length; s++) {
        double score = get(edges.scores(), new Edge(sources.get(s), to));
        assertEquals(expected[s], score, 1e-5);
        total += score;
      }
      assertEquals(1, total, 1e-9);
    }
  }

  /** The elements of a component add up to the edges out of it. */
  @ParameterizedTest
  @EnumSource(
      value = Method.class,
      names = {"EAP", "EAP_IG_INPUTS"})
  void neuronsAddUpToComponents(Method method) {
    EdgeScoring scoring = scoring(method, 2, Rule.MIDPOINT);
    EdgeAttribution edges = EdgeAttribution.of(lens, PAIRS, scoring);
    NeuronAttribution neurons = NeuronAttribution.of(lens, PAIRS, scoring, share -> {});
    assertEquals(edges.clean(), neurons.clean());
    Map<Node.Source, Double> components = edges.components();
    neurons
        .scores()
        .forEach(
            (node, scores) -> {
              double sum = java.util.Arrays.stream(scores).sum();
              assertEquals(get(components, node), sum, 1e-4 * magnitude(edges), node.name());
            });
  }

  /** Zeros: the change of an output is its negative value, at every token. */
  @Test
  void ablatesByZerosAndMeans() {
    TextPair pair = PAIRS.getFirst();
    EdgeAttribution zero =
        EdgeAttribution.of(
            lens,
            List.of(pair),
            new EdgeScoring(Method.EAP, 1, Rule.MIDPOINT, CircuitAblation.ZERO));
    EdgeAttribution mean =
        EdgeAttribution.of(
            lens,
            List.of(pair),
            new EdgeScoring(Method.EAP, 1, Rule.MIDPOINT, CircuitAblation.MEAN));
    String hooks = "*.hook_mlp_out";
    List<Double> zeros = new ArrayList<>();
    List<Double> means = new ArrayList<>();
    try (var session = GradientSession.open(lens, GradientOptions.of(hooks, pair.length()))) {
      session.run(pair.clean(), pair.metric());
      for (HookPoint point : session.points()) {
        float[] x = session.activation(point).toArray();
        float[] gradient = session.gradient(point).toArray();
        int d = x.length / pair.length();
        double sum = 0;
        for (int j = 0; j < d; j++) {
          double average = 0;
          for (int i = j; i < x.length; i += d) {
            average += x[i] / (double) pair.length();
          }
          for (int i = j; i < x.length; i += d) {
            sum += (average - x[i]) * gradient[i];
          }
        }
        zeros.add(-Vectors.dot(x, gradient));
        means.add(sum);
      }
    }
    for (int l = 0; l < zeros.size(); l++) {
      double expected = zeros.get(l);
      double actual = get(zero.components(), new Node.Mlp(l));
      assertEquals(expected, actual, 1e-4 * magnitude(zero));
      assertEquals(means.get(l), get(mean.components(), new Node.Mlp(l)), 1e-4 * magnitude(mean));
    }
  }

  @Test
  void rejectsInvalidScorings() {
    assertThrows(
        InvalidInputException.class, () -> scoring(Method.EAP_IG_INPUTS, 0, Rule.MIDPOINT));
    String message =
        assertThrows(
                InvalidInputException.class,
                () ->
                    new EdgeScoring(Method.CLEAN_CORRUPTED, 1, Rule.MIDPOINT, CircuitAblation.ZERO))
            .getMessage();
    assertTrue(message.contains("ablation zero: must be patch for clean_corrupted"), message);
    EdgeScoring routes = scoring(Method.INFORMATION_FLOW_ROUTES, 1, Rule.MIDPOINT);
    assertThrows(
        InvalidInputException.class, () -> NeuronAttribution.of(lens, PAIRS, routes, share -> {}));
  }
}
