package dev.vidrio.lens.circuit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.F32BardTest;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.circuit.LearnedMask.Options;
import dev.vidrio.model.sampling.SplitMix64;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class LearnedMaskTest extends F32BardTest {
  private static TextPair pair(String clean, String corrupted) {
    return TextPair.of(lens, clean, corrupted, " his", " her");
  }

  private static final Options SHORT =
      new Options(
          MaskGates.HARD_CONCRETE, CircuitLevel.NODE, CircuitAblation.PATCH, 0.3, 40, 0.2, 1);

  /** The share of open gates among draws is their probability, and slopes are differences. */
  @ParameterizedTest
  @ValueSource(doubles = {-4, -1, 0, 0.5, 3})
  void gatesAreHardConcrete(double parameter) {
    MaskGates gates = MaskGates.HARD_CONCRETE;
    var random = new SplitMix64(5);
    int draws = 20_000;
    int open = 0;
    for (int i = 0; i < draws; i++) {
      double u = random.nextDouble();
      double z = gates.gate(parameter, u);
      open += z > 0 ? 1 : 0;
      if (z > 0.01 && z < 0.99) {
        double difference = gates.gate(parameter + 1e-5, u) - gates.gate(parameter - 1e-5, u);
        assertEquals(difference / 2e-5, gates.slope(parameter, u), 1e-6);
      } else if (z == 0 || z == 1) {
        assertEquals(0, gates.slope(parameter, u));
      }
    }
    assertEquals(gates.open(parameter), open / (double) draws, 0.012);
  }

  /**
   * Gates of uniform gradient sampling have the probabilities of the paper, and the estimate of the
   * gradient is that of a loss of gates that are open or closed.
   */
  @ParameterizedTest
  @ValueSource(doubles = {-3, -0.5, 0, 1, 2.5})
  void uniformGradientsAreUnbiased(double parameter) {
    MaskGates gates = MaskGates.UNIFORM;
    double p = 1 / (1 + Math.exp(-parameter));
    double w = p * (1 - p);
    int draws = 40_000;
    var shares = new double[3];
    var thirds = new double[3];
    double gradient = 0;
    for (int i = 0; i < draws; i++) {
      double u = (i + 0.5) / draws;
      double z = gates.gate(parameter, u);
      boolean inside = z > 0 && z < 1;
      shares[inside ? 1 : (int) (2 * z)] += 1.0 / draws;
      if (inside) {
        thirds[(int) (3 * z)] += 1.0 / draws;
      }
      // The loss is L(z) = z³ − 2 z.
      gradient += gates.slope(parameter, u) * (3 * z * z - 2) / draws;
    }
    assertArrayEquals(new double[] {1 - p - w / 2, w, p - w / 2}, shares, 1e-4);
    assertArrayEquals(new double[] {w / 3, w / 3, w / 3}, thirds, 1e-4);
    assertEquals(p, gates.open(parameter), 1e-12);
    assertEquals(w * (1 - 2), gradient, 1e-4);
  }

  @Test
  void divergenceIsThatOfTheMetric() {
    int[] tokens = model.tokenizer().encode("The king");
    var clean = new float[1][];
    Metric keep =
        logits -> {
          clean[0] = logits.toArray(JAVA_FLOAT);
          return 0;
        };
    keep.of(lens, tokens);
    int[] other = model.tokenizer().encode("The queen");
    double expected = Metric.divergence(lens, tokens).of(lens, other);
    var divergence = Metric.divergence(clean[0], 1);
    assertEquals(expected, divergence.of(lens, other), 1e-9);
    assertEquals(0, divergence.of(MemorySegment.ofArray(clean[0])), 1e-9);
  }

  /** Gates of components: the strongest explain the prediction better than others do. */
  @ParameterizedTest
  @EnumSource
  @Tag("long")
  void keepsThePrediction(MaskGates gates) {
    List<TextPair> pairs = List.of(pair("The king", "The queen"), pair("A lord", "A lady"));
    LearnedMask mask = LearnedMask.of(lens, pairs, SHORT.withGates(gates), share -> {});
    int nodes = mask.scores().nodes().size();
    assertEquals(ComponentGraph.of(lens).sources().size(), nodes);
    assertTrue(mask.kept() > 0.02 && mask.kept() < 0.6, "kept " + mask.kept());
    int count = nodes / 2;
    Circuit strongest = mask.scores().strongest(CircuitLevel.NODE, count);
    double learned = 0;
    double random = 0;
    for (TextPair each : pairs) {
      Metric kl = Metric.divergence(lens, each.clean());
      try (CircuitRun run = CircuitRun.open(lens, each.clean(), each.corrupted())) {
        learned += run.run(strongest, kl);
        for (int seed = 0; seed < 5; seed++) {
          List<Node.Source> sources = new ArrayList<>(run.graph().sources());
          Collections.shuffle(sources, new Random(seed));
          Circuit some =
              Circuit.whole(run.graph()).withoutNodes(new HashSet<>(sources.subList(count, nodes)));
          random += run.run(some, kl) / 5;
        }
      }
    }
    assertTrue(learned < random / 2, learned + " against " + random + " at random");
  }

  @Test
  void scoresEdgesBySeed() {
    List<TextPair> pairs = List.of(pair("The king", "The queen"));
    Options edges = SHORT.withLevel(CircuitLevel.EDGE).withSteps(3);
    LearnedMask one = LearnedMask.of(lens, pairs, edges, share -> {});
    LearnedMask again = LearnedMask.of(lens, pairs, edges, share -> {});
    assertEquals(one.scores().edges(), again.scores().edges());
    assertEquals(one.divergence(), again.divergence());
    Options other =
        new Options(
            edges.gates(), CircuitLevel.EDGE, CircuitAblation.PATCH, 0.3, 3, 0.2, edges.seed() + 1);
    assertNotEquals(
        one.scores().edges(), LearnedMask.of(lens, pairs, other, share -> {}).scores().edges());
    for (EdgeScoring.Method method : Set.of(EdgeScoring.Method.MASKS, EdgeScoring.Method.UGS)) {
      var scoring = new EdgeScoring(method, 2, EdgeScoring.Rule.MIDPOINT, CircuitAblation.ZERO);
      EdgeAttribution zero = EdgeAttribution.of(lens, pairs, scoring);
      assertEquals(ComponentGraph.of(lens).edges().count(), zero.scores().size());
      assertTrue(zero.scores().values().stream().allMatch(score -> score > 0 && score < 1));
    }
  }

  /** The gradient with respect to given gates is a difference of divergences. */
  @Test
  void gateGradientsAreSlopes() {
    List<TextPair> pairs = List.of(pair("The king", "The queen"), pair("A lord", "A lady"));
    ComponentGraph graph = ComponentGraph.of(lens);
    var random = new SplitMix64(9);
    Map<Edge, Double> gates = new LinkedHashMap<>();
    Map<Edge, Double> direction = new LinkedHashMap<>();
    graph
        .edges()
        .forEach(
            edge -> {
              gates.put(edge, 0.3 + 0.6 * random.nextDouble());
              direction.put(edge, random.nextDouble() - 0.5);
            });
    GateGradient at = gradient(graph, pairs, gates, direction, 0);
    double slope = 0;
    for (Map.Entry<Edge, Double> score : at.scores().edges().entrySet()) {
      slope += score.getValue() * direction.getOrDefault(score.getKey(), 0.0);
    }
    double step = 0.01;
    double up = gradient(graph, pairs, gates, direction, step).divergence();
    double down = gradient(graph, pairs, gates, direction, -step).divergence();
    assertEquals((up - down) / (2 * step), slope, 0.01 * Math.abs(slope));
    assertThrows(InvalidInputException.class, () -> gradient(graph, pairs, gates, direction, 10));
    assertThrows(InvalidInputException.class, () -> gradient(graph, pairs, Map.of(), direction, 0));
  }

  private static GateGradient gradient(
      ComponentGraph graph,
      List<TextPair> pairs,
      Map<Edge, Double> gates,
      Map<Edge, Double> direction,
      double step) {
    Map<Edge, Double> moved = new LinkedHashMap<>();
    gates.forEach((edge, gate) -> moved.put(edge, gate + step * direction.getOrDefault(edge, 0.0)));
    var scores = new ScoredGraph(graph, moved, Map.of(), Map.of());
    return GateGradient.of(lens, pairs, scores, CircuitAblation.MEAN);
  }

  /** Constants that are trained with the gates lose less than the means that they begin with. */
  @Test
  @Tag("long")
  void trainsConstantsWithGates() {
    List<TextPair> pairs = List.of(pair("The king", "The queen"), pair("A lord", "A lady"));
    var ugs =
        new Options(MaskGates.UNIFORM, CircuitLevel.NODE, CircuitAblation.MEAN, 0.01, 25, 0.5, 1);
    double mean = divergence(pairs, ugs.withAblation(CircuitAblation.MEAN));
    double optimal = divergence(pairs, ugs.withAblation(CircuitAblation.OPTIMAL));
    assertTrue(optimal < 0.7 * mean, optimal + " against " + mean + " with means");
  }

  private static double divergence(List<TextPair> pairs, Options options) {
    return LearnedMask.of(lens, pairs, options, share -> {}).divergence();
  }

  @Test
  void rejectsInvalidOptions() {
    for (double keep : new double[] {0, 1, Double.NaN}) {
      assertThrows(
          InvalidInputException.class,
          () ->
              new Options(
                  MaskGates.UNIFORM, CircuitLevel.EDGE, CircuitAblation.PATCH, keep, 1, 0.1, 0));
    }
    assertThrows(InvalidInputException.class, () -> SHORT.withLevel(CircuitLevel.NEURON));
    assertThrows(InvalidInputException.class, () -> SHORT.withSteps(0));
    assertThrows(
        InvalidInputException.class, () -> LearnedMask.of(lens, List.of(), SHORT, share -> {}));
  }
}
