package dev.vidrio.lens.circuit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.F32BardTest;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.vector.Vectors;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

class EdgeAttributionTest extends F32BardTest {
  private static final int[] CLEAN = {5, 120, 44, 700, 31, 8, 90};
  private static final int[] CORRUPTED = {5, 120, 45, 700, 31, 9, 90};
  private static final int ANSWER = 300;
  private static final int WRONG = 301;
  private static final List<TextPair> PAIRS = List.of(TextPair.of(CLEAN, CORRUPTED, ANSWER, WRONG));
  private static final DifferentiableMetric METRIC = Metric.logitDifference(ANSWER, WRONG);

  @Test
  void rejectsInvalidPairs() {
    assertThrows(InvalidInputException.class, () -> EdgeAttribution.of(lens, List.of()));
    assertThrows(InvalidInputException.class, () -> EdgeAttribution.integrated(lens, PAIRS, 0));
  }

  private static double sum(EdgeAttribution edges, Predicate<Edge> chosen) {
    return edges.scores().entrySet().stream()
        .filter(entry -> chosen.test(entry.getKey()))
        .mapToDouble(Map.Entry::getValue)
        .sum();
  }

  /** The edges of a component add up to the effect of its node. */
  @Test
  void edgesOutOfNodeAddUpToIt() {
    EdgeAttribution edges = EdgeAttribution.of(lens, PAIRS);
    String hooks = "hook_embed, *.hook_mlp_out, *.hook_z";
    try (GradientSession session =
        GradientSession.open(lens, GradientOptions.of(hooks, CLEAN.length))) {
      for (HookPoint point : session.points()) {
        session.forward(CORRUPTED);
        float[] there = session.activation(point).toArray();
        session.run(CLEAN, METRIC);
        float[] change = Vectors.minus(there, session.activation(point).toArray());
        double node = Vectors.dot(change, session.gradient(point).toArray());
        String from =
            switch (point.site()) {
              case EMBED -> "embed";
              case MLP_OUT -> "L" + point.layer() + ".mlp";
              default -> "L" + point.layer() + ".H";
            };
        double magnitude = edges.scores().values().stream().mapToDouble(Math::abs).sum();
        assertEquals(
            node,
            sum(edges, e -> e.from().name().startsWith(from)),
            1e-6 * magnitude,
            point.name());
      }
    }
  }

  /** Integrated, the edges out of the embedding add up to what the corruption does. */
  @Test
  void integratedEdgesAreComplete() {
    double before = Double.POSITIVE_INFINITY;
    for (int steps : new int[] {2, 8, 32}) {
      EdgeAttribution edges = EdgeAttribution.integrated(lens, PAIRS, steps);
      double error =
          Math.abs(
              sum(edges, e -> e.from() instanceof Node.Embedding)
                  - edges.corrupted()
                  + edges.clean());
      assertTrue(error < before / 4, steps + " steps: " + error);
      before = error;
    }
  }

  /** Texts may differ in length, since scores are not by position. */
  @Test
  void scoresOfSeveralPairsAreMeans() {
    TextPair other = TextPair.of(new int[] {5, 9, 44}, new int[] {5, 8, 44}, 17, 18);
    EdgeAttribution both = EdgeAttribution.of(lens, List.of(PAIRS.getFirst(), other));
    EdgeAttribution first = EdgeAttribution.of(lens, PAIRS);
    EdgeAttribution second = EdgeAttribution.of(lens, List.of(other));
    assertEquals((first.clean() + second.clean()) / 2, both.clean(), 1e-12);
    List<Double> ofFirst = List.copyOf(first.scores().values());
    List<Double> ofSecond = List.copyOf(second.scores().values());
    List<Double> ofBoth = List.copyOf(both.scores().values());
    for (int i = 0; i < ofBoth.size(); i++) {
      double mean = (ofFirst.get(i) + ofSecond.get(i)) / 2;
      assertEquals(mean, ofBoth.get(i), 1e-12 * (1 + Math.abs(mean)));
    }
  }

  /** The edges of an attribution are those of a graph, and the strongest make a circuit. */
  @Test
  void strongestEdgesAreACircuit() {
    EdgeAttribution edges = EdgeAttribution.of(lens, PAIRS);
    assertEquals(ComponentGraph.of(lens).edges().toList(), List.copyOf(edges.scores().keySet()));
    List<Edge> ranked = edges.ranked();
    assertEquals(Set.copyOf(ranked.subList(0, 5)), edges.strongest(5).edges());
  }
}
