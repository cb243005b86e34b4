package dev.vidrio.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.decode.sae.train.TrainedVector;
import dev.vidrio.lens.vector.RandomDirections;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ResamplingTest {
  private static Executor executor;

  @BeforeAll
  static void open() {
    executor = NativeExecutor.create();
  }

  @AfterAll
  static void close() {
    executor.close();
  }

  @Test
  void deadFeatures_getTokensWithErrors() {
    float[][] encoder = {{3, 0}, {0, 1}, {0, 5}, {1, 1}};
    float[][] decoder = {{0, 2, 0}, {1, 0, 0}, {0, 0, 6}, {1, 1, 1}};
    float[][] inputs = {{1, 0}, {0, 10}, {1, 1}};
    float[][] outputs = {{9, 9, 9}, {4, 1, 1}, {9, 9, 9}};
    float[][] errors = {{0, 0, 0}, {0, -1, 0}, {0, 0, 0}};
    TrainedVector threshold = TrainedVector.notNegative("threshold", 4, 0.5);
    Arrays.fill(threshold.values(), 7);
    try (var features = new FeatureWeights(executor, encoder, decoder, 3, 3)) {
      Arrays.fill(features.bias()[0], -2);
      // Only one token has an error, so that the second dead feature remains dead.
      new Resampling(features, List.of(threshold), new SplitMix64(0))
          .run(new int[] {1, 3}, inputs, outputs, new float[] {1, 1, 1}, errors);
      // The norms of encoders of living features are 3 and 5, of decoders 2 and 6.
      assertArrayEquals(new float[] {0, 0.2f * 4}, encoder[1], 1e-6f);
      assertArrayEquals(new float[] {4, 0, 0}, decoder[1], 1e-6f);
      assertArrayEquals(new float[] {-2, 0, -2, -2}, features.bias()[0]);
      assertArrayEquals(new float[] {7, 0.5f, 7, 7}, threshold.values());
      assertArrayEquals(new float[] {1, 1}, encoder[3]);
      assertArrayEquals(new float[] {1, 1, 1}, decoder[3]);
    }
  }

  @Test
  void tokens_areDrawnInProportionToSquaredErrors() {
    float[][] inputs = {{1, 0}, {0, 1}, {-1, 0}};
    float[][] errors = {{1}, {2}, {3}};
    float[][] outputs = {{0}, {0}, {0}};
    var counts = new int[3];
    var random = new SplitMix64(1);
    for (int i = 0; i < 2800; i++) {
      float[][] encoder = {{1, 1}, {1, 0}};
      float[][] decoder = {{1}, {1}};
      try (var features = new FeatureWeights(executor, encoder, decoder, 1, 3)) {
        new Resampling(features, List.of(), random)
            .run(new int[] {0}, inputs, outputs, new float[1], errors);
      }
      counts[encoder[0][1] > 0 ? 1 : encoder[0][0] > 0 ? 0 : 2]++;
    }
    // Their shares are 1, 4 and 9 of 14; three standard deviations are at most 76.
    assertEquals(200, counts[0], 41);
    assertEquals(800, counts[1], 72);
    assertEquals(1800, counts[2], 76);
  }

  @Test
  void allFeaturesDead_keepTheirNorms() {
    float[][] encoder = {{3, 0}, {0, 1}};
    float[][] decoder = {{2, 0}, {0, 4}};
    float[][] x = {{5, 0}, {0, 5}};
    try (var features = new FeatureWeights(executor, encoder, decoder, 2, 2)) {
      new Resampling(features, List.of(), new SplitMix64(0))
          .run(new int[] {0, 1}, x, x, new float[2], x);
      for (int f = 0; f < 2; f++) {
        assertEquals(0.2 * 2, Vectors.norm(encoder[f]), 1e-6);
        assertEquals(3, Vectors.norm(decoder[f]), 1e-6);
      }
    }
  }

  /** Trains on sums of few directions, with all but some features silent. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void silentFeatures_areRevived(boolean transcoder) {
    float[][] directions = RandomDirections.of(new SplitMix64(1), 40, 16);
    var random = new SplitMix64(2);
    var batches = new float[300][64][transcoder ? 32 : 16];
    for (float[][] batch : batches) {
      for (float[] row : batch) {
        float[] direction = directions[(int) (40 * random.nextDouble())];
        for (int j = 0; j < row.length; j++) {
          row[j] = direction[j % 16];
        }
      }
    }
    TrainingProgress without = train(batches, transcoder, 0);
    TrainingProgress with = train(batches, transcoder, 30);
    assertEquals(56, without.dead());
    assertTrue(with.dead() < 28, with.dead() + " dead features");
    assertTrue(with.loss() < without.loss() / 2, without.loss() + " to " + with.loss());
  }

  /** Runs 300 steps with 64 features; a bias keeps 56 of them silent. */
  private static TrainingProgress train(float[][][] batches, boolean transcoder, int resample) {
    var kind = new SaeKind.Standard(0.1);
    var options = new SaeOptions(64, kind, 0, 0, 3e-3, 64, 300, 20, resample, 1, 0);
    SaeShape shape = transcoder ? SaeShape.transcoder(16, 16, false) : SaeShape.autoencoder(16);
    try (var learner = new SaeLearner(executor, shape, options)) {
      Arrays.fill(learner.features().bias()[0], 8, 64, -100);
      TrainingProgress last = null;
      for (float[][] batch : batches) {
        last = learner.step(batch);
      }
      return Objects.requireNonNull(last);
    }
  }
}
