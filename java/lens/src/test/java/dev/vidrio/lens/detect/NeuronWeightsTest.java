package dev.vidrio.lens.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.component.NeuronOutputs;
import dev.vidrio.lens.detect.CorpusStatistics.SinkKeys;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.numeric.SingularVectors;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Functions of neurons by weights against whole matrices and against runs. */
class NeuronWeightsTest {
  @TempDir Path directory;

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
  }

  /**
   * Returns {@code γ ⊙ W_U}, [V][d], for models with a final norm that does not subtract a mean.
   */
  private static double[][] unembedding(Lens lens) {
    ModelMatrices matrices = ModelMatrices.of(lens);
    HookPoint logits = HookPoint.of(HookSite.LOGITS);
    float[][] rows = matrices.rows(logits, 0, matrices.height(logits));
    float[] gain = matrices.gainBefore(logits);
    var columns = new double[rows[0].length][rows.length];
    for (int j = 0; j < rows.length; j++) {
      for (int v = 0; v < columns.length; v++) {
        columns[v][j] = (double) gain[j] * rows[j][v];
      }
    }
    return columns;
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen3", "mistral"})
  void momentsAndNullSpaceMatchWholeMatrices(String name) throws IOException {
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      double[][] columns = unembedding(lens);
      int d = columns[0].length;
      var mean = new double[d];
      Arrays.stream(columns).forEach(c -> DoubleVectors.add(mean, 1.0 / columns.length, c));
      double[][] centered =
          Arrays.stream(columns).map(c -> DoubleVectors.plus(c, -1, mean)).toArray(double[][]::new);
      // Right singular vectors of V × d: those of rows of the transposed matrix.
      var transposed = new double[d][columns.length];
      for (int v = 0; v < columns.length; v++) {
        for (int j = 0; j < d; j++) {
          transposed[j][v] = centered[v][j];
        }
      }
      var spectrum = SingularVectors.of(transposed);
      List<NeuronWeights> all = NeuronWeights.of(lens, 3);
      for (int index : new int[] {0, 17, all.size() - 1}) {
        NeuronWeights neuron = all.get(index);
        float[] out = NeuronOutputs.direction(lens, neuron.layer(), neuron.neuron());
        double[] unit = DoubleVectors.doubles(out);
        DoubleVectors.scale(unit, 1 / Vectors.norm(out));
        double[] logits =
            Arrays.stream(columns).mapToDouble(c -> DoubleVectors.dot(c, unit)).toArray();
        double average = Arrays.stream(logits).average().orElseThrow();
        double variance = moment(logits, average, 2);
        assertEquals(variance, neuron.variance(), 1e-4 * variance);
        assertEquals(moment(logits, average, 3) / Math.pow(variance, 1.5), neuron.skewness(), 1e-3);
        assertEquals(moment(logits, average, 4) / (variance * variance), neuron.kurtosis(), 1e-3);
        double within = 0;
        for (int i = d - 3; i < d; i++) {
          within += Math.pow(DoubleVectors.dot(spectrum.left(i), unit), 2);
        }
        assertEquals(Math.sqrt(within), neuron.nullFraction(), 1e-4);
        assertEquals(Vectors.norm(out), neuron.norm(), 1e-9);
      }
    }
  }

  private static double moment(double[] values, double mean, int power) {
    return Arrays.stream(values).map(x -> Math.pow(x - mean, power)).average().orElseThrow();
  }

  /** With all but no directions, everything or nothing is in the null space. */
  @Test
  void nullFractionGrowsWithDimensions() throws IOException {
    try (Model model = open("gpt2")) {
      Lens lens = Lens.of(model);
      int d = model.architecture().width();
      NeuronWeights few = NeuronWeights.of(lens, 1).get(4);
      NeuronWeights many = NeuronWeights.of(lens, d - 1).get(4);
      assertTrue(few.nullFraction() <= many.nullFraction() + 1e-9);
      assertEquals(1, many.nullFraction(), 1e-4);
      assertTrue(Double.isNaN(few.gateCosine()));
      assertEquals(1, NeuronWeights.nullDimensions(32));
      assertEquals(12, NeuronWeights.nullDimensions(768));
      assertThrows(InvalidInputException.class, () -> NeuronWeights.of(lens, 0));
      assertThrows(InvalidInputException.class, () -> NeuronWeights.of(lens, d));
    }
  }

  /**
   * The effect on a score, against a run in which the neuron writes more: the score of the query
   * for key 0, averaged over the queries of the text, with the divisor of the norm held fixed.
   */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "gpt2"})
  void effectsOnFirstPositionMatchRuns(String name) throws IOException {
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      int n = Math.min(129, model.architecture().contextLength());
      int[] text = new int[n];
      Arrays.setAll(text, i -> 3 + i * 7 % 50);
      var options = new CorpusStatistics.Options(false, true, 1);
      CorpusStatistics statistics = CorpusStatistics.of(lens, List.of(text), options);
      List<SinkEffect> effects = SinkEffect.of(lens, statistics.sinks());
      SinkEffect effect = effects.get(5);
      assertEquals("L0.N5", effect.name());
      int layer = effect.head().layer();
      SinkKeys sink = statistics.sinks().get(layer);
      HookPoint stream = new HookPoint(HookSite.RESID_PRE, layer);
      HookPoint scale = new HookPoint(HookSite.LN1_SCALE, layer);
      HookPoint scores = new HookPoint(HookSite.ATTN_SCORES, layer);
      float[] out = NeuronOutputs.direction(lens, effect.layer(), effect.neuron());
      // Queries after the first position change; the key of the first position does not.
      Intervention fixed = Intervention.set(scale, (float) sink.divisor()).positions(1, n);
      Intervention add = Intervention.add(stream, 1, out).positions(1, n);
      Capture capture = Capture.of(scores.name());
      try (ActivationCache plain = lens.run(text, capture, List.of(fixed));
          ActivationCache moved = lens.run(text, capture, List.of(add, fixed))) {
        int head = effect.head().head();
        double sum = 0;
        for (int i = 1; i < n; i++) {
          sum += moved.get(scores).at(head, i, 0) - plain.get(scores).at(head, i, 0);
        }
        assertEquals(sum / (n - 1), effect.score(), 0.01 * Math.abs(effect.score()));
      }
    }
  }
}
