package dev.vidrio.lens.circuit;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.F32BardTest;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.intervene.ConstantTraining;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class OptimalAblationTest extends F32BardTest {
  /** Pairs that are measured by the divergence from the clean run. */
  private static List<TextPair> pairs() {
    List<TextPair> pairs = new ArrayList<>();
    for (String noun : List.of("king", "lord", "man", "lady", "queen", "duke")) {
      int[] clean = model.tokenizer().encode("The " + noun + " and the");
      int[] corrupted = model.tokenizer().encode("A " + noun + " and the");
      if (clean.length == corrupted.length) {
        pairs.add(new TextPair(clean, corrupted, Metric.divergence(lens, clean)));
      }
    }
    return pairs;
  }

  /** The gradient with respect to what all sources write is a difference of runs. */
  @Test
  void gradientsOfConstantsAreSlopes() {
    List<TextPair> pairs = pairs().subList(0, 2);
    ComponentGraph graph = ComponentGraph.of(lens);
    float[][] constants = CircuitBatch.constants(lens, graph, pairs, CircuitAblation.MEAN);
    var random = new SplitMix64(3);
    var coefficients = new float[graph.destinations().size()][];
    for (int i = 0; i < coefficients.length; i++) {
      coefficients[i] = new float[graph.inputCount(graph.destinations().get(i))];
      for (int s = 0; s < coefficients[i].length; s++) {
        coefficients[i][s] = (float) random.nextDouble();
      }
    }
    var direction = new double[constants.length][constants[0].length];
    for (double[] row : direction) {
      Arrays.setAll(row, j -> random.nextDouble() - 0.5);
    }
    var gradient = new double[constants.length][constants[0].length];
    var around = new double[3];
    for (int side = -1; side <= 1; side++) {
      var moved = new float[constants.length][];
      for (int s = 0; s < moved.length; s++) {
        moved[s] = constants[s].clone();
        for (int j = 0; j < moved[s].length; j++) {
          moved[s][j] += (float) (side * 0.01 * direction[s][j]);
        }
      }
      List<PairBatch> batches = PairBatch.of(pairs, false);
      try (var clean = new CircuitBatch(lens, graph, batches, moved);
          var runs = new MaskedRuns(lens, graph, batches)) {
        CircuitBatch.Ablated recording = clean.recordAblated(batches.getFirst(), true);
        around[side + 1] =
            Arrays.stream(runs.run(recording, coefficients, batches.getFirst().differentiable()))
                .sum();
        if (side == 0) {
          runs.addConstants(gradient);
        }
      }
    }
    double slope = 0;
    for (int s = 0; s < gradient.length; s++) {
      for (int j = 0; j < gradient[s].length; j++) {
        slope += gradient[s][j] * direction[s][j];
      }
    }
    assertEquals((around[2] - around[0]) / 0.02, slope, 0.01 * Math.max(0.1, Math.abs(slope)));
  }

  /** Circuits lose less with constants of their own than with means or zeros. */
  @Test
  @Tag("long")
  void losesLessThanMeansAndZeros() {
    List<TextPair> pairs = pairs();
    var random = new SplitMix64(77);
    ComponentGraph graph = ComponentGraph.of(lens);
    List<Circuit> circuits = new ArrayList<>();
    for (double share : new double[] {0.4, 0.8, 1}) {
      Set<Edge> kept = new HashSet<>();
      graph.edges().filter(edge -> random.nextDouble() < share).forEach(kept::add);
      circuits.add(new Circuit(kept));
    }
    Map<CircuitAblation, double[]> losses = new EnumMap<>(CircuitAblation.class);
    for (CircuitAblation ablation : CircuitAblation.values()) {
      try (CircuitRuns runs = CircuitRuns.open(lens, pairs, ablation)) {
        losses.put(
            ablation,
            DoubleStream.concat(
                    DoubleStream.of(runs.corrupted()),
                    Arrays.stream(runs.runAll(circuits))
                        .mapToDouble(values -> Arrays.stream(values).average().orElseThrow()))
                .toArray());
      }
    }
    double[] optimal = requireNonNull(losses.get(CircuitAblation.OPTIMAL));
    double[] mean = requireNonNull(losses.get(CircuitAblation.MEAN));
    double[] zero = requireNonNull(losses.get(CircuitAblation.ZERO));
    for (int i = 0; i < 3; i++) {
      assertTrue(optimal[i] < 0.5 * mean[i], Arrays.toString(optimal));
      assertTrue(optimal[i] < 0.5 * zero[i], Arrays.toString(optimal));
    }
    assertEquals(0, optimal[3], 1e-6);
  }

  @Test
  void trainsAnyCircuit() {
    List<TextPair> pairs = pairs().subList(0, 2);
    var options = new ConstantTraining(6, 0.05);
    Circuit empty = new Circuit(Set.of());
    OptimalAblation one = OptimalAblation.of(lens, pairs, empty, options);
    OptimalAblation again = OptimalAblation.of(lens, pairs, empty, options);
    one.constants()
        .forEach(
            (node, values) ->
                assertArrayEquals(values, Objects.requireNonNull(again.constants().get(node))));
    assertTrue(one.last() < one.first(), one.first() + " to " + one.last());
    assertEquals(256, one.constants().values().iterator().next().length);
  }

  @Test
  void rejectsNoPairs() {
    assertThrows(
        InvalidInputException.class,
        () -> OptimalAblation.of(lens, List.of(), new Circuit(Set.of()), ConstantTraining.DEFAULT));
  }
}
