package dev.vidrio.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.lens.decode.sae.SaeKind.ActivityPenalty;
import dev.vidrio.lens.decode.sae.train.FeatureGradients;
import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ForkJoinPool;
import java.util.function.DoubleSupplier;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training on activations that are sums of few known directions, and its gradients. */
class SaeTrainerTest {
  private static final int D = 24;
  private static final int TRUE_FEATURES = 32;
  private static final double PENALTY = 0.3;

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

  private static SaeOptions options(int features, SaeKind kind, int steps) {
    SaeOptions some = SaeOptions.DEFAULT;
    return new SaeOptions(
        features,
        kind,
        some.warmUp(),
        some.auxiliary(),
        some.learningRate(),
        some.batch(),
        steps,
        some.deadAfter(),
        some.resample(),
        some.buffer(),
        some.seed());
  }

  @Test
  @Tag("long")
  void findsTheDirections() {
    float[][] directions = random(1, TRUE_FEATURES, D);
    float[][] rows = activations(directions);
    List<SaeOptions> kinds = new ArrayList<>();
    kinds.add(options(64, new SaeKind.TopK(3), 1500));
    kinds.add(options(64, new SaeKind.MatchingPursuit(3, 0.1), 1500));
    kinds.add(options(64, new SaeKind.BatchTopK(3), 1500));
    kinds.add(options(64, new SaeKind.Matryoshka(3, List.of(48)), 1500));
    kinds.add(options(64, new SaeKind.Standard(1.5), 1500));
    kinds.add(options(64, new SaeKind.Gated(1.5), 1500));
    kinds.add(options(64, SaeKind.JumpRelu.DEFAULT, 1500));
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
    var kind = new SaeOptions(16, new SaeKind.BatchTopK(2), 0, 1, 3e-3, 64, 1200, 100, 0, 1, 0);
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
                new SaeOptions(16, new SaeKind.TopK(2), 0, 1, 3e-3, 64, 1, 100, 0, 1, 0)));
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
    var kind = new SaeOptions(16, new SaeKind.BatchTopK(1), 0, 1, 3e-3, 64, 1500, 100, 0, 1, 0);
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
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void gradientsMatchLossDifferences(boolean transcoder) {
    float[][] x = random(4, 5, D);
    float[][] z = transcoder ? random(9, 5, 7) : x;
    SaeShape shape = transcoder ? SaeShape.transcoder(D, 7, false) : SaeShape.autoencoder(D);
    var options =
        new SaeOptions(6, new SaeKind.Standard(PENALTY), 0, 1, 1e-3, x.length, 1, 2, 0, 1, 0);
    try (var learner = new SaeLearner(executor, shape, options)) {
      FeatureWeights features = learner.features();
      set(features.encoder(), random(5, 6, D));
      set(features.decoder(), random(6, 6, shape.outputs()));
      float[][] outputBias = {learner.outputBias().values()};
      set(outputBias, random(7, 1, shape.outputs()));
      set(features.bias(), random(8, 1, 6));
      FeatureGradients gradients = learner.gradients(x, z, 1).gradients();
      float[][] ofOutputBias = {learner.outputBias().gradient()};
      assertDifferences(features.encoder(), rows(gradients::encoder), () -> loss(learner, x, z), 1);
      assertDifferences(features.decoder(), rows(gradients::decoder), () -> loss(learner, x, z), 1);
      float[][] bias = {gradients.bias()};
      assertDifferences(features.bias(), bias, () -> loss(learner, x, z), 1);
      assertDifferences(outputBias, ofOutputBias, () -> loss(learner, x, z), 1);
    }
  }

  private static void set(float[][] weights, float[][] values) {
    for (int i = 0; i < weights.length; i++) {
      System.arraycopy(values[i], 0, weights[i], 0, weights[i].length);
    }
  }

  private static float[][] rows(IntFunction<float[]> row) {
    return IntStream.range(0, 6).mapToObj(row).toArray(float[][]::new);
  }

  /** Compares gradients with differences of a loss that is a factor as large. */
  private static void assertDifferences(
      float[][] weights, float[][] gradients, DoubleSupplier loss, float factor) {
    float step = 1e-3f;
    for (int r = 0; r < weights.length; r++) {
      for (int j = 0; j < weights[r].length; j++) {
        float value = weights[r][j];
        weights[r][j] = value + step;
        double above = loss.getAsDouble();
        weights[r][j] = value - step;
        double below = loss.getAsDouble();
        weights[r][j] = value;
        assertEquals((above - below) / (2 * step), factor * gradients[r][j], 5e-3);
      }
    }
  }

  /** {@code mean(‖z − ẑ‖² + penalty Σ h ‖d‖)}, written down once more. */
  private static double loss(SaeLearner learner, float[][] x, float[][] z) {
    float[][] encoder = learner.features().encoder();
    float[][] decoder = learner.features().decoder();
    float[] outputBias = learner.outputBias().values();
    boolean reconstructs = Arrays.equals(x, z);
    double loss = 0;
    for (int b = 0; b < x.length; b++) {
      var decoded = new double[z[b].length];
      for (int j = 0; j < decoded.length; j++) {
        decoded[j] = outputBias[j] - z[b][j];
      }
      for (int f = 0; f < encoder.length; f++) {
        double h = learner.features().bias()[0][f];
        for (int j = 0; j < D; j++) {
          h += encoder[f][j] * ((double) x[b][j] - (reconstructs ? outputBias[j] : 0));
        }
        h = Math.max(0, h);
        loss += PENALTY * h * Vectors.norm(decoder[f]);
        for (int j = 0; j < decoded.length; j++) {
          decoded[j] += h * decoder[f][j];
        }
      }
      loss += DoubleVectors.dot(decoded, decoded);
    }
    return loss / x.length;
  }

  /**
   * Dead features learn to make what the others left over: {@code weight · few · mean(‖h W_dec −
   * rest‖²)}, where few is the number of dead features over half the width.
   */
  @Test
  void deadFeaturesLearnFromTheRest() {
    float[][] x = random(4, 5, D);
    try (var features =
        new FeatureWeights(executor, random(5, 6, D), random(6, 6, D), D, x.length)) {
      float[][] pre = features.preActivations(x);
      features.active(pre, Double.POSITIVE_INFINITY);
      var auxiliary = new AuxiliaryLoss(features, 1, 0.5);
      int[] dead = auxiliary.dead();
      assertEquals(6, dead.length);
      float[][] errors = Vectors.copy(x);
      for (float[] row : errors) {
        Vectors.scale(row, -1);
      }
      List<FeatureGradients.Part> parts = new ArrayList<>();
      auxiliary.addTo(parts, dead, pre, errors);
      var gradients = new FeatureGradients(features, x, parts);
      float factor = 1 / (0.5f * 6 / (D / 2f));
      DoubleSupplier loss = () -> rest(features, x);
      assertDifferences(features.encoder(), rows(gradients::encoder), loss, factor);
      assertDifferences(features.decoder(), rows(gradients::decoder), loss, factor);
    }
  }

  /** Nothing was explained before: the rest is all of z. */
  private static double rest(FeatureWeights features, float[][] x) {
    double loss = 0;
    for (float[] row : x) {
      var left = new double[D];
      for (int j = 0; j < D; j++) {
        left[j] = -row[j];
      }
      for (int f = 0; f < features.features(); f++) {
        double h = Vectors.dot(features.encoder()[f], row);
        for (int j = 0; j < D; j++) {
          left[j] += h * features.decoder()[f][j];
        }
      }
      loss += DoubleVectors.dot(left, left);
    }
    return loss / x.length;
  }

  /** Steps in a pool of one thread and in the common pool give equal bits. */
  @Test
  void resultsDoNotDependOnThreads() throws Exception {
    float[][] inputs = random(11, 300, D);
    float[][] outputs = random(12, 300, 9);
    List<SaeKind> kinds =
        List.of(
            new SaeKind.Standard(0.2),
            new SaeKind.Matryoshka(4, List.of(20)),
            new SaeKind.JumpRelu(ActivityPenalty.TANH, 1, 4, 1, 0.01, 0.05, 1e-3, true));
    for (SaeKind each : kinds) {
      var kind = new SaeOptions(70, each, 4, 1, 1e-2, 50, 8, 2, 0, 1, 0);
      Callable<List<float[]>> train =
          () -> {
            try (var trainer = SaeTrainer.ofTranscoder(executor, inputs, outputs, true, kind)) {
              trainer.run(loss -> {});
              try (SparseAutoencoder found = trainer.result(executor, "in", "out")) {
                return Arrays.stream(inputs).map(x -> found.decode(found.encode(x), x)).toList();
              }
            }
          };
      try (var one = new ForkJoinPool(1);
          var four = new ForkJoinPool(4)) {
        assertArrayEquals(
            one.submit(train).get().toArray(float[][]::new),
            four.submit(train).get().toArray(float[][]::new));
      }
    }
  }

  /** The learning rate is 0 after the steps of the options. */
  @Test
  void furtherStepsChangeNothing() {
    var kind = new SaeOptions(40, new SaeKind.TopK(3), 0, 1, 1e-2, 50, 8, 2, 0, 1, 0);
    float[][] rows = random(11, 50, D);
    try (var trainer = new SaeTrainer(executor, rows, kind)) {
      trainer.run(loss -> {});
      double after = trainer.step();
      trainer.run(loss -> fail("no steps are left"));
      assertEquals(after, trainer.step(), 1e-6);
    }
  }

  @Test
  @Tag("long")
  void countsInactiveFeaturesAsDead() {
    float[][] rows = activations(random(1, TRUE_FEATURES, D));
    SaeOptions options = options(512, new SaeKind.TopK(1), 1000);
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
    assertThrows(InvalidInputException.class, () -> options(8, new SaeKind.TopK(9), 1000));
    assertThrows(InvalidInputException.class, () -> new SaeKind.Standard(-1));
    assertThrows(InvalidInputException.class, () -> options(1024, new SaeKind.TopK(16), 0));
  }
}
