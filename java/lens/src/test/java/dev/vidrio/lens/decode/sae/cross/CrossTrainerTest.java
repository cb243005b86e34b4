package dev.vidrio.lens.decode.sae.cross;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.lens.decode.sae.DictionaryFixtures;
import dev.vidrio.lens.decode.sae.TrainingProgress;
import dev.vidrio.lens.decode.sae.train.ActivationRows;
import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.io.IOException;
import java.util.Arrays;
import java.util.Comparator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Steps of training against PyTorch, from equal weights. */
class CrossTrainerTest {
  private static final int D = 6;
  private static final int FEATURES = 10;
  private static final int BATCH = 8;
  private static final int STEPS = 12;

  /**
   * Tolerance of weights after 12 steps of 0.01: f32 here, f64 there, and Adam divides a gradient
   * by its own size, so that relative errors of small gradients remain.
   */
  private static final float TOLERANCE = 2e-4f;

  private static Executor executor;

  @BeforeAll
  static void open() {
    executor = NativeExecutor.create();
  }

  @AfterAll
  static void close() {
    executor.close();
  }

  private static CrossOptions options(int k, double penalty) {
    return new CrossOptions(FEATURES, k, penalty, 0.01, BATCH, STEPS, 3, 1, 0);
  }

  private static void set(float[][] weights, float[][] values) {
    assertEquals(weights.length, values.length);
    for (int i = 0; i < weights.length; i++) {
      System.arraycopy(values[i], 0, weights[i], 0, weights[i].length);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "crosscoder-topk, 3, 0",
    "crosscoder-penalty, 0, 0.2",
    "cross-layer-topk, 5, 0",
    "cross-layer-penalty, 0, 0.2",
  })
  void stepsMatchPyTorch(String name, int k, double penalty) throws IOException {
    SafetensorsFile file =
        SafetensorsFile.read(DictionaryFixtures.path("cross/" + name + ".safetensors"));
    CrossLayout layout =
        name.startsWith("crosscoder") ? CrossLayout.crosscoder(2, D) : CrossLayout.crossLayer(3, D);
    try (var trainer = new CrossTrainer(executor, layout, options(k, penalty))) {
      Arrays.fill(trainer.scales, 1);
      trainer.outputBias[0] = file.floats("output_bias");
      for (int g = 0; g < trainer.groups.size(); g++) {
        FeatureWeights group = trainer.groups.get(g);
        set(group.encoder(), file.rows("encoder." + g));
        set(group.decoder(), file.rows("decoder." + g));
        group.bias()[0] = file.floats("bias." + g);
      }
      float[] rows = file.floats("rows");
      int columns = layout.columns();
      for (int step = 0; step < STEPS; step++) {
        var batch = new float[BATCH][];
        for (int b = 0; b < BATCH; b++) {
          int begin = (step * BATCH + b) * columns;
          batch[b] = Arrays.copyOfRange(rows, begin, begin + columns);
        }
        TrainingProgress progress = trainer.step(batch);
        assertEquals(step + 1, progress.step());
        assertEquals(file.floats("loss")[step], progress.loss(), TOLERANCE, "step " + step);
        assertEquals(file.floats("l0")[step], progress.l0(), 1e-6, "step " + step);
        assertEquals(file.floats("dead")[step], progress.dead(), "step " + step);
      }
      assertEquals(file.floats("threshold")[0], trainer.state().threshold(), TOLERANCE);
      assertArrayEquals(file.floats("trained.output_bias"), trainer.outputBias[0], TOLERANCE);
      for (int g = 0; g < trainer.groups.size(); g++) {
        FeatureWeights group = trainer.groups.get(g);
        assertNear(file.rows("trained.encoder." + g), group.encoder());
        assertNear(file.rows("trained.decoder." + g), group.decoder());
        assertArrayEquals(file.floats("trained.bias." + g), group.bias()[0], TOLERANCE);
      }
    }
  }

  private static void assertNear(float[][] expected, float[][] actual) {
    for (int i = 0; i < expected.length; i++) {
      assertArrayEquals(expected[i], actual[i], TOLERANCE, "row " + i);
    }
  }

  /** Two models share directions, and each has some of its own. */
  @Test
  void findsFeaturesOfModels() {
    int width = 16;
    float[][] directions = new float[12][2 * width];
    var random = new SplitMix64(4);
    for (int i = 0; i < directions.length; i++) {
      for (int j = 0; j < 2 * width; j++) {
        boolean has = i < 6 || (i < 9) == (j < width);
        directions[i][j] = has ? (float) (random.nextDouble() + random.nextDouble() - 1) : 0;
      }
    }
    CrossLayout layout = CrossLayout.crosscoder(2, width);
    var options = new CrossOptions(24, 3, 0, 3e-3, 64, 800, 100, 1, 0);
    try (var rows = new ActivationRows(2 * width, 64 * 20);
        var trainer = new CrossTrainer(executor, layout, options)) {
      while (!rows.isFull()) {
        var row = new float[2 * width];
        for (int i = 0; i < 3; i++) {
          float amount = (float) (1 + random.nextDouble());
          Vectors.add(row, amount, directions[(int) (random.nextDouble() * directions.length)]);
        }
        rows.add(row);
      }
      trainer.prepare(rows);
      for (int step = 0; step < options.steps(); step++) {
        var batch = new float[64][2 * width];
        for (int b = 0; b < 64; b++) {
          rows.copy((step * 64 + b) % rows.size(), batch[b]);
        }
        trainer.step(batch);
      }
      float[][] decoder = trainer.folded(0, true).decoder;
      for (int i = 0; i < directions.length; i++) {
        float[] wanted = directions[i];
        float[] found =
            Arrays.stream(decoder)
                .max(Comparator.comparingDouble(row -> Vectors.cosine(row, wanted)))
                .orElseThrow();
        assertTrue(Vectors.cosine(found, wanted) > 0.9, "direction " + i);
        double expected = share(wanted, width);
        assertEquals(expected, share(found, width), 0.15, "direction " + i);
      }
    }
  }

  /** Returns the share of the second half in the norms of both. */
  private static double share(float[] row, int width) {
    double first = Vectors.norm(Arrays.copyOf(row, width));
    double second = Vectors.norm(Arrays.copyOfRange(row, width, 2 * width));
    return second / (first + second);
  }

  /** Weights of results apply to activations that are not scaled. */
  @Test
  void foldsScales() {
    CrossLayout layout = CrossLayout.crossLayer(2, 2);
    try (var rows = new ActivationRows(layout.columns(), BATCH);
        var trainer = new CrossTrainer(executor, layout, options(3, 0))) {
      for (int i = 0; i < BATCH; i++) {
        rows.add(new float[] {3, 4}, new float[] {0, 2}, new float[] {i % 2, 1 - i % 2, 8, 6});
      }
      trainer.prepare(rows);
      float root = (float) Math.sqrt(2);
      float[] scales = {root / 5, root / 2, root, root / 10};
      assertArrayEquals(scales, trainer.scales, 1e-6f);
      assertArrayEquals(new float[] {0.5f, 0.5f, 8, 6}, trainer.foldedOutputBias(), 1e-6f);
      FeatureWeights group = trainer.groups.getFirst();
      for (boolean unit : new boolean[] {false, true}) {
        CrossTrainer.Folded folded = trainer.folded(0, unit);
        float norm = unit ? group.norms()[1] : 1;
        double pre = Vectors.dot(group.encoder()[1], new float[] {3 * scales[0], 4 * scales[0]});
        assertEquals(norm * pre, Vectors.dot(folded.encoder[1], new float[] {3, 4}), 1e-5);
        assertEquals(group.decoder()[1][2] / scales[3] / norm, folded.decoder[1][2], 1e-5f);
      }
    }
  }

  @Test
  void reportsInvalidOptions() {
    CrossLayout layout = CrossLayout.crosscoder(2, D);
    assertFault(() -> new CrossTrainer(executor, layout, options(11, 0)).close(), "features, 10");
    assertFault(() -> CrossLayout.crosscoder(1, D), "2 activations or more");
    assertFault(() -> options(3, 0.5), "0 with a k");
    try (var rows = new ActivationRows(2 * D, 1);
        var trainer = new CrossTrainer(executor, layout, options(3, 0))) {
      rows.add(new float[2 * D]);
      assertFault(() -> trainer.prepare(rows), "not all zeros");
    }
  }

  private static void assertFault(Runnable work, String expected) {
    var e = assertThrows(InvalidInputException.class, work::run);
    assertTrue(String.valueOf(e.getMessage()).contains(expected), e.getMessage());
  }
}
