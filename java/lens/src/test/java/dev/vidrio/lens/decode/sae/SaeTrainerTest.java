package dev.vidrio.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Training on activations that are sums of few known directions, and its gradients. */
class SaeTrainerTest {
  private static final int D = 24;
  private static final int TRUE_FEATURES = 32;

  private static Executor executor;

  @BeforeAll
  static void open() {
    executor = NativeExecutor.create();
  }

  @AfterAll
  static void close() {
    executor.close();
  }

  private static float[][] random(long seed, int n, int width) {
    var random = new SplitMix64(seed);
    var rows = new float[n][width];
    for (float[] row : rows) {
      for (int j = 0; j < width; j++) {
        row[j] = (float) (random.nextDouble() + random.nextDouble() - 1);
      }
    }
    return rows;
  }

  /** Sums of two or three of the directions. */
  private static float[][] activations(float[][] directions) {
    var random = new SplitMix64(3);
    var rows = new float[4000][D];
    for (float[] row : rows) {
      for (int i = 0; i < 3; i++) {
        float[] direction = directions[(int) (random.nextDouble() * TRUE_FEATURES)];
        float amount = (float) (1 + random.nextDouble());
        for (int j = 0; j < D; j++) {
          row[j] += amount * direction[j];
        }
      }
    }
    return rows;
  }

  private static double cosine(float[] a, float[] b) {
    return Vectors.dot(a, b) / Vectors.norm(a) / Vectors.norm(b);
  }

  private static SaeOptions options(
      int features, int k, boolean batchTopK, double penalty, int steps) {
    SaeOptions some = SaeOptions.DEFAULT;
    return new SaeOptions(
        features,
        k,
        batchTopK,
        penalty,
        some.learningRate(),
        some.batch(),
        steps,
        some.deadAfter(),
        some.seed());
  }

  @Test
  @Tag("long")
  void findsTheDirections() {
    float[][] directions = random(1, TRUE_FEATURES, D);
    float[][] rows = activations(directions);
    List<SaeOptions> kinds = new ArrayList<>();
    kinds.add(options(64, 3, false, 0, 1500));
    kinds.add(options(64, 3, true, 0, 1500));
    kinds.add(options(64, 0, false, 1.5, 1500));
    for (SaeOptions kind : kinds) {
      try (var trainer = new SaeTrainer(executor, rows, kind)) {
        double before = trainer.step();
        trainer.run(loss -> {});
        double after = trainer.step();
        assertTrue(after < before / 5, kind + ": " + before + " to " + after);
        try (SparseAutoencoder found = trainer.result(executor, "hook_embed")) {
          int matched = 0;
          for (float[] direction : directions) {
            for (int f = 0; f < 64; f++) {
              if (cosine(direction, found.direction(f)) > 0.9) {
                matched++;
                break;
              }
            }
          }
          assertTrue(matched > TRUE_FEATURES * 3 / 4, kind + " found " + matched);
          // The measurements of training hold for the result.
          assertEquals(after, relativeError(found, rows, rows), 0.02);
        }
      }
    }
  }

  private static double relativeError(
      SparseAutoencoder found, float[][] inputs, float[][] outputs) {
    double error = 0;
    double squares = 0;
    for (int i = 0; i < inputs.length; i++) {
      float[] decoded = found.decode(found.encode(inputs[i]), inputs[i]);
      error += Math.pow(Vectors.norm(Vectors.minus(decoded, outputs[i])), 2);
      squares += Vectors.dot(outputs[i], outputs[i]);
    }
    return error / squares;
  }

  /** A transcoder learns a map from other inputs of another width. */
  @Test
  void transcoderLearnsOutputs() {
    float[][] inputs = random(11, 400, D);
    float[][] outputs = new float[inputs.length][];
    for (int i = 0; i < inputs.length; i++) {
      // Two units of a feed-forward block, which features can express.
      float first = 3 * Math.max(0, inputs[i][0]);
      float second = -5 * Math.max(0, inputs[i][1]);
      outputs[i] = new float[] {first, second, first + second};
    }
    var kind = new SaeOptions(16, 2, true, 0, 3e-3, 64, 1200, 100, 0);
    try (var trainer = SaeTrainer.ofTranscoder(executor, inputs, outputs, false, kind)) {
      double before = trainer.step();
      trainer.run(loss -> {});
      double after = trainer.step();
      assertTrue(after < before / 5, before + " to " + after);
      try (SparseAutoencoder found = trainer.result(executor, "in", "out")) {
        assertTrue(found.config().transcoder());
        assertEquals(3, found.config().dOut());
        assertEquals(after, relativeError(found, inputs, outputs), 0.05);
      }
    }
    assertThrows(
        InvalidInputException.class,
        () ->
            SaeTrainer.ofTranscoder(
                executor,
                inputs,
                outputs,
                false,
                new SaeOptions(16, 2, false, 0, 3e-3, 64, 1, 100, 0)));
  }

  /** Features cannot express a linear map with few of them active; a skip connection can. */
  @Test
  @Tag("long")
  void skipConnectionLearnsLinearMap() {
    float[][] inputs = random(12, 400, D);
    float[][] outputs = new float[inputs.length][];
    for (int i = 0; i < inputs.length; i++) {
      float[] x = inputs[i];
      outputs[i] = new float[] {x[0] - 2 * x[1], 3 * x[2], x[3] + x[4] + 2 * Math.max(0, x[5])};
    }
    var kind = new SaeOptions(16, 1, true, 0, 3e-3, 64, 1500, 100, 0);
    try (var trainer = SaeTrainer.ofTranscoder(executor, inputs, outputs, true, kind)) {
      double before = trainer.step();
      trainer.run(loss -> {});
      double after = trainer.step();
      assertTrue(after < before / 20, before + " to " + after);
      try (SparseAutoencoder found = trainer.result(executor, "in", "out")) {
        assertTrue(found.config().skip());
        assertEquals(after, relativeError(found, inputs, outputs), 0.02);
      }
      try (var plain = SaeTrainer.ofTranscoder(executor, inputs, outputs, false, kind)) {
        plain.run(loss -> {});
        assertTrue(plain.step() > 5 * after, "without a skip connection");
      }
    }
  }

  /** Compares the loss with its gradients for a change of each weight. */
  @Test
  void gradientsMatchLossDifferences() {
    int features = 6;
    float[][] x = random(4, 5, D);
    float[][] encoder = random(5, features, D);
    float[][] decoder = random(6, features, D);
    float[] decoderBias = random(7, 1, D)[0];
    float[] encoderBias = random(8, 1, features)[0];
    var weights = new float[][][] {encoder, decoder, {decoderBias}, {encoderBias}};
    var gradients = new SaeGradients(features, D, D);
    var batch = new SaeBatch(x, x, false, encoder, decoder, decoderBias);
    Features[] active = active(batch, encoder, encoderBias);
    batch.reconstruct(active);
    batch.backward(active, 0.3, gradients);
    var expected =
        new float[][][] {
          gradients.encoder, gradients.decoder, {gradients.decoderBias}, {gradients.encoderBias}
        };
    float step = 1e-3f;
    for (int w = 0; w < weights.length; w++) {
      for (int r = 0; r < weights[w].length; r++) {
        for (int j = 0; j < weights[w][r].length; j++) {
          float value = weights[w][r][j];
          weights[w][r][j] = value + step;
          double above = loss(x, encoder, decoder, decoderBias, encoderBias);
          weights[w][r][j] = value - step;
          double below = loss(x, encoder, decoder, decoderBias, encoderBias);
          weights[w][r][j] = value;
          assertEquals((above - below) / (2 * step), expected[w][r][j], 5e-3);
        }
      }
    }
  }

  private static Features[] active(SaeBatch batch, float[][] encoder, float[] bias) {
    var active = new Features[batch.centered().length];
    for (int b = 0; b < active.length; b++) {
      var h = new float[encoder.length];
      for (int f = 0; f < h.length; f++) {
        h[f] = (float) Math.max(0, Vectors.dot(encoder[f], batch.centered()[b]) + bias[f]);
      }
      active[b] = Features.of(h);
    }
    return active;
  }

  /** {@code mean(‖z − ẑ‖² + 0.3 ‖h‖₁)}, written down once more. */
  private static double loss(
      float[][] x, float[][] encoder, float[][] decoder, float[] decoderBias, float[] encoderBias) {
    double loss = 0;
    for (float[] z : x) {
      var decoded = new double[D];
      for (int j = 0; j < D; j++) {
        decoded[j] = decoderBias[j] - z[j];
      }
      for (int f = 0; f < encoder.length; f++) {
        double h = encoderBias[f];
        for (int j = 0; j < D; j++) {
          h += encoder[f][j] * ((double) z[j] - decoderBias[j]);
        }
        h = Math.max(0, h);
        loss += 0.3 * h;
        for (int j = 0; j < D; j++) {
          decoded[j] += h * decoder[f][j];
        }
      }
      loss += DoubleVectors.dot(decoded, decoded);
    }
    return loss / x.length;
  }

  /** Dead features learn to make what the others left over: {@code 2 · mean(‖h W_dec − rest‖²)}. */
  @Test
  void deadFeaturesLearnFromTheRest() {
    float[][] x = random(4, 5, D);
    float[][] encoder = random(5, 2, D);
    float[][] decoder = random(6, 2, D);
    var batch = new SaeBatch(x, x, false, encoder, decoder, new float[D]);
    var none = new Features[x.length];
    Arrays.fill(none, Features.of(new float[2]));
    batch.reconstruct(none);
    var gradients = new SaeGradients(2, D, D);
    batch.backwardOfRest(linear(x, encoder), 2, gradients);
    List<float[][]> expected = List.of(gradients.encoder, gradients.decoder);
    float step = 1e-3f;
    for (int r = 0; r < 2; r++) {
      for (int j = 0; j < D; j++) {
        for (int which = 0; which < 2; which++) {
          float[][] weights = which == 0 ? encoder : decoder;
          float value = weights[r][j];
          weights[r][j] = value + step;
          double above = restLoss(x, encoder, decoder);
          weights[r][j] = value - step;
          double below = restLoss(x, encoder, decoder);
          weights[r][j] = value;
          assertEquals((above - below) / (2 * step), expected.get(which)[r][j], 5e-3);
        }
      }
    }
  }

  private static Features[] linear(float[][] x, float[][] encoder) {
    return Arrays.stream(x)
        .map(
            row ->
                Features.of(
                    new float[] {
                      (float) Vectors.dot(encoder[0], row), (float) Vectors.dot(encoder[1], row)
                    }))
        .toArray(Features[]::new);
  }

  /** Nothing was explained before: the rest is all of z. */
  private static double restLoss(float[][] x, float[][] encoder, float[][] decoder) {
    double loss = 0;
    Features[] h = linear(x, encoder);
    for (int b = 0; b < x.length; b++) {
      for (int j = 0; j < D; j++) {
        double left = h[b].of(0) * decoder[0][j] + h[b].of(1) * decoder[1][j] - x[b][j];
        loss += 2 * left * left;
      }
    }
    return loss / x.length;
  }

  @Test
  @Tag("long")
  void countsInactiveFeaturesAsDead() {
    float[][] rows = activations(random(1, TRUE_FEATURES, D));
    SaeOptions options = options(512, 1, false, 0, 1000);
    try (var trainer = new SaeTrainer(executor, rows, options)) {
      for (int i = 0; i < options.deadAfter() - 1; i++) {
        trainer.step();
      }
      assertEquals(0, trainer.dead());
      trainer.step();
      assertTrue(trainer.dead() > 0);
    }
  }

  @Test
  void reportsInvalidInput() {
    float[][] few = new float[3][D];
    assertThrows(
        InvalidInputException.class,
        () -> new SaeTrainer(executor, few, SaeOptions.DEFAULT).close());
    float[][] zeros = new float[SaeOptions.DEFAULT.batch()][D];
    assertThrows(
        InvalidInputException.class,
        () -> new SaeTrainer(executor, zeros, SaeOptions.DEFAULT).close());
    assertThrows(InvalidInputException.class, () -> options(8, 9, false, 0, 1000));
    assertThrows(InvalidInputException.class, () -> options(1024, 0, false, -1, 1000));
    assertThrows(InvalidInputException.class, () -> options(1024, 16, false, 0, 0));
  }
}
