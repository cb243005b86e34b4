package dev.vidrio.lens.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Neurons by their weights against neurons by edits of a running model. */
class NeuronDetectionTest {
  @TempDir Path directory;

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
  }

  /** Returns the change of the residual stream when a neuron's activation is 1 rather than 0. */
  private static float[] written(Lens lens, int layer, int neuron) {
    HookPoint post = new HookPoint(HookSite.POST, layer);
    HookPoint out = new HookPoint(HookSite.MLP_OUT, layer);
    Capture capture = Capture.of(out.name());
    Intervention none = Intervention.zero(post);
    Intervention one = Intervention.set(post, 1).neuron(neuron);
    try (ActivationCache with = lens.run(new int[] {3}, capture, List.of(none, one));
        ActivationCache without = lens.run(new int[] {3}, capture, List.of(none))) {
      return Vectors.minus(with.get(out).row(0), without.get(out).row(0));
    }
  }

  /** The logits of a stream less those of none. */
  private static double[] logits(Lens lens, float[] stream) {
    int last = lens.model().architecture().layers() - 1;
    HookPoint point = new HookPoint(HookSite.RESID_POST, last);
    Capture capture = Capture.of("unembed.hook_out");
    try (ActivationCache with =
            lens.run(new int[] {3}, capture, List.of(Intervention.set(point, stream)));
        ActivationCache none =
            lens.run(
                new int[] {3},
                capture,
                List.of(Intervention.set(point, new float[stream.length])))) {
      float[] a = with.get(HookSite.LOGITS).row(0);
      float[] b = none.get(HookSite.LOGITS).row(0);
      return IntStream.range(0, a.length).mapToDouble(v -> (double) a[v] - b[v]).toArray();
    }
  }

  private static double correlation(double[] a, double[] b) {
    double meanA = Arrays.stream(a).average().orElseThrow();
    double meanB = Arrays.stream(b).average().orElseThrow();
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int v = 0; v < a.length; v++) {
      ab += (a[v] - meanA) * (b[v] - meanB);
      aa += (a[v] - meanA) * (a[v] - meanA);
      bb += (b[v] - meanB) * (b[v] - meanB);
    }
    return ab / Math.sqrt(aa * bb);
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "gpt2", "qwen2", "bloom"})
  void weightsAndActivityMatchRuns(String name) throws IOException {
    List<int[]> texts = List.of(new int[] {3, 5, 5, 7, 9, 5}, new int[] {4, 5, 6});
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      NeuronDetection detection = NeuronDetection.of(lens, texts, 1, 2);
      assertEquals(7, detection.tokens());
      NeuronScores neuron = detection.neurons().get(5);
      assertEquals("L1.N5", neuron.name());
      float[] written = written(lens, 1, 5);
      assertEquals(Vectors.norm(written), neuron.norm(), 1e-4 * neuron.norm());
      double[] frequencies = new double[model.architecture().vocabulary()];
      Arrays.fill(frequencies, 1);
      texts.forEach(text -> Arrays.stream(text).forEach(token -> frequencies[token]++));
      Arrays.setAll(frequencies, v -> Math.log(frequencies[v]));
      assertEquals(correlation(logits(lens, written), frequencies), neuron.frequency(), 1e-4, name);
      int active = 0;
      float greatest = Float.NEGATIVE_INFINITY;
      for (int[] text : texts) {
        try (ActivationCache cache = lens.run(text, Capture.of("blocks.1.mlp.hook_pre"))) {
          for (int i = 1; i < text.length; i++) {
            float value = cache.get(HookSite.PRE, 1).at(i, 5);
            active += value > 0 ? 1 : 0;
            greatest = Math.max(greatest, value);
          }
        }
      }
      assertEquals(active / 7.0, neuron.active());
      assertEquals(greatest, neuron.greatest());
      assertEquals(greatest <= 0, neuron.dead());
    }
  }

  /** The variance of cosines, by the columns of W_U that logits of unit streams are. */
  @Test
  void logitVarianceEqualsVarianceOfCosines() throws IOException {
    try (Model model = open("llama")) {
      Lens lens = Lens.of(model);
      NeuronScores neuron =
          NeuronDetection.of(lens, List.of(new int[] {3, 5}), 0, 1).neurons().get(2);
      float[] written = written(lens, 0, 2);
      int d = written.length;
      int vocabulary = model.architecture().vocabulary();
      var columns = new double[vocabulary][d];
      for (int j = 0; j < d; j++) {
        var unit = new float[d];
        unit[j] = 1000;
        double[] logits = logits(lens, unit);
        for (int v = 0; v < vocabulary; v++) {
          columns[v][j] = logits[v] / Math.sqrt(d);
        }
      }
      double[] cosines =
          Arrays.stream(columns)
              .mapToDouble(
                  column -> {
                    double product = 0;
                    double length = 0;
                    for (int j = 0; j < d; j++) {
                      product += column[j] * written[j];
                      length += column[j] * column[j];
                    }
                    return product / Math.sqrt(length) / Vectors.norm(written);
                  })
              .toArray();
      double mean = Arrays.stream(cosines).average().orElseThrow();
      double variance =
          Arrays.stream(cosines).map(c -> (c - mean) * (c - mean)).average().orElseThrow();
      assertEquals(variance, neuron.logitVariance(), 1e-4 * variance);
      assertEquals(neuron.norm() / Math.sqrt(variance), neuron.entropy(), 1e-3 * neuron.entropy());
    }
  }

  @Test
  void rejectsLayersWithoutNeurons() throws IOException {
    try (Model model = open("mixtral")) {
      Lens lens = Lens.of(model);
      List<int[]> text = List.of(new int[] {3, 5});
      var refused =
          assertThrows(InvalidInputException.class, () -> NeuronDetection.of(lens, text, 0, 1));
      assertTrue(refused.getMessage().contains("several experts' matrices"), refused.getMessage());
      assertThrows(InvalidInputException.class, () -> NeuronDetection.of(lens, List.of(), 0, 1));
      List<int[]> unknown = List.of(new int[] {3, model.architecture().vocabulary()});
      assertThrows(InvalidInputException.class, () -> NeuronDetection.of(lens, unknown, 0, 1));
    }
  }
}
