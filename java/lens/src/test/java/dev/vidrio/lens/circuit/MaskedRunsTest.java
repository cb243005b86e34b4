package dev.vidrio.lens.circuit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.F32BardTest;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.model.Model;
import dev.vidrio.model.sampling.SplitMix64;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs with coefficients on edges against circuits and finite differences. */
class MaskedRunsTest extends F32BardTest {
  private static final List<TextPair> PAIRS =
      List.of(
          TextPair.of(
              new int[] {5, 120, 44, 700, 31, 8, 90}, new int[] {5, 120, 45, 700, 31, 9, 90}, 7, 8),
          TextPair.of(new int[] {5, 9, 44}, new int[] {5, 8, 44}, 17, 18));

  @TempDir Path directory;

  /** Runs of one batch of pairs. */
  private static final class Runs implements AutoCloseable {
    final ComponentGraph graph;
    final CircuitBatch circuits;
    final CircuitBatch.Recording recording;
    final MaskedRuns runs;
    final List<DifferentiableMetric> metrics;

    Runs(Lens lens, List<TextPair> pairs, CircuitAblation ablation) {
      this(lens, pairs, ablation, false);
    }

    Runs(Lens lens, List<TextPair> pairs, CircuitAblation ablation, boolean perText) {
      graph = ComponentGraph.of(lens);
      boolean patch = ablation == CircuitAblation.PATCH;
      List<PairBatch> batches = PairBatch.of(pairs, patch);
      assertEquals(1, batches.size());
      float[][] constants = patch ? null : CircuitBatch.constants(lens, graph, pairs, ablation);
      circuits = new CircuitBatch(lens, graph, batches, constants);
      recording = circuits.record(batches.getFirst(), null);
      runs = new MaskedRuns(lens, graph, batches, perText);
      metrics = batches.getFirst().differentiable();
    }

    double value(float[][] coefficients) {
      return Arrays.stream(runs.run(recording.ablatedRun(), coefficients, metrics)).sum();
    }

    float[][] coefficients(SplitMix64 random, boolean binary) {
      var all = new float[graph.destinations().size()][];
      for (int i = 0; i < all.length; i++) {
        all[i] = new float[graph.inputCount(graph.destinations().get(i))];
        for (int s = 0; s < all[i].length; s++) {
          double u = random.nextDouble();
          all[i][s] = (float) (binary ? Math.round(u) : u);
        }
      }
      return all;
    }

    @Override
    public void close() {
      runs.close();
      circuits.close();
    }
  }

  private static void check(
      Lens lens, List<TextPair> pairs, CircuitAblation ablation, double bound) {
    try (var of = new Runs(lens, pairs, ablation)) {
      var random = new SplitMix64(7);
      float[][] binary = of.coefficients(random, true);
      var mask = new EdgeMask(of.graph);
      for (int i = 0; i < binary.length; i++) {
        BitSet kept = mask.inputsOf(of.graph.destinations().get(i));
        for (int s = 0; s < binary[i].length; s++) {
          kept.set(s, binary[i][s] == 1);
        }
      }
      double circuit = Arrays.stream(of.circuits.run(of.recording, mask, null, of.metrics)).sum();
      assertEquals(circuit, of.value(binary), bound * Math.max(1, Math.abs(circuit)));
      float[][] at = of.coefficients(random, false);
      of.value(at);
      var gradient = new double[at.length][];
      Arrays.setAll(gradient, i -> new double[at[i].length]);
      of.runs.addCoefficients(0, gradient);
      float[][] direction = of.coefficients(random, false);
      double slope = 0;
      for (int i = 0; i < at.length; i++) {
        for (int s = 0; s < at[i].length; s++) {
          direction[i][s] -= 0.5f;
          slope += gradient[i][s] * direction[i][s];
        }
      }
      // Small steps are inexact in floats, and large ones may change the experts of a token.
      double near = Double.POSITIVE_INFINITY;
      for (double step : new double[] {0.016, 0.001}) {
        double difference =
            of.value(moved(at, direction, step)) - of.value(moved(at, direction, -step));
        near = Math.min(near, Math.abs(difference / (2 * step) - slope));
      }
      assertTrue(near <= 3e-4 + 0.01 * Math.abs(slope), near + " from slope " + slope);
    }
  }

  private static float[][] moved(float[][] at, float[][] direction, double step) {
    var moved = new float[at.length][];
    for (int i = 0; i < at.length; i++) {
      moved[i] = at[i].clone();
      for (int s = 0; s < moved[i].length; s++) {
        moved[i][s] += (float) (step * direction[i][s]);
      }
    }
    return moved;
  }

  @ParameterizedTest
  @EnumSource(value = CircuitAblation.class, mode = EnumSource.Mode.EXCLUDE, names = "OPTIMAL")
  void equalsCircuitsAndDifferences(CircuitAblation ablation) {
    check(lens, PAIRS, ablation, 1e-4);
  }

  /** Texts with coefficients of their own have the values and gradients of runs of their own. */
  @Test
  void textsHaveTheirOwnCoefficients() {
    var random = new SplitMix64(11);
    try (var all = new Runs(lens, PAIRS, CircuitAblation.ZERO, true)) {
      List<float[][]> coefficients =
          List.of(all.coefficients(random, false), all.coefficients(random, false));
      double[] values = all.runs.run(all.recording.ablatedRun(), coefficients, all.metrics);
      var constants = new double[all.graph.sources().size()][all.graph.width()];
      all.runs.addConstants(constants);
      for (int i = 0; i < PAIRS.size(); i++) {
        double[][] gradient = zeros(coefficients.get(i));
        all.runs.addCoefficients(i, gradient);
        try (var one = new Runs(lens, List.of(PAIRS.get(i)), CircuitAblation.ZERO)) {
          assertEquals(one.value(coefficients.get(i)), values[i], 1e-9);
          double[][] expected = zeros(coefficients.get(i));
          one.runs.addCoefficients(0, expected);
          for (int b = 0; b < expected.length; b++) {
            assertArrayEquals(expected[b], gradient[b], 1e-6);
          }
          var own = new double[constants.length][constants[0].length];
          one.runs.addConstants(own);
          for (int s = 0; s < own.length; s++) {
            for (int j = 0; j < own[s].length; j++) {
              constants[s][j] -= own[s][j];
            }
          }
        }
      }
      for (double[] rest : constants) {
        assertArrayEquals(new double[rest.length], rest, 1e-6);
      }
    }
  }

  private static double[][] zeros(float[][] like) {
    return Arrays.stream(like).map(row -> new double[row.length]).toArray(double[][]::new);
  }

  /** Models with different norms, parallel blocks, latent queries, gates and experts. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "llama",
        "gemma3",
        "olmo2",
        "phi2",
        "command-r-head-norms",
        "gpt2",
        "bloom",
        "deepseek2-lite",
        "qwen3moe",
        "gpt-oss",
        "afmoe",
        "granite"
      })
  void equalsCircuitsAndDifferencesInEveryModel(String name) throws IOException {
    int[] clean = TinyModels.expected(name).ints("tokens");
    int[] corrupted = clean.clone();
    corrupted[2] = (corrupted[2] + 1) % 40;
    try (Model tiny = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      check(
          Lens.of(tiny), List.of(TextPair.of(clean, corrupted, 3, 4)), CircuitAblation.PATCH, 1e-3);
    }
  }
}
