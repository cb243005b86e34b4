package dev.vidrio.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.lens.decode.sae.SaeKind.ActivityPenalty;
import dev.vidrio.lens.decode.sae.train.TrainedVector;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Steps of training against SAELens, from equal weights, of all kinds. */
class SaeLearnerTest {
  private static final int D = 6;
  private static final int FEATURES = 10;
  private static final int BATCH = 8;
  private static final int STEPS = 12;

  /** Tolerance of weights after 12 steps of 0.01, in f32 by both. */
  private static final float TOLERANCE = 2e-5f;

  private static final Map<String, SaeKind> KINDS =
      Map.of(
          "standard",
          new SaeKind.Standard(0.3),
          "topk",
          new SaeKind.TopK(3),
          "abstopk",
          new SaeKind.AbsTopK(3),
          "matching-pursuit",
          new SaeKind.MatchingPursuit(4, 0.8),
          "batchtopk",
          new SaeKind.BatchTopK(3),
          "matryoshka",
          new SaeKind.Matryoshka(3, List.of(2, 5)),
          "gated",
          new SaeKind.Gated(0.3),
          "jumprelu-step",
          jump(ActivityPenalty.STEP, 0, false),
          "jumprelu-tanh",
          jump(ActivityPenalty.TANH, 0.1, true),
          "jumprelu-quadratic",
          jump(ActivityPenalty.QUADRATIC, 0, false));

  private static Executor executor;

  @BeforeAll
  static void open() {
    executor = NativeExecutor.create();
  }

  @AfterAll
  static void close() {
    executor.close();
  }

  private static SaeKind jump(ActivityPenalty form, double preActivations, boolean trainsEncoder) {
    return new SaeKind.JumpRelu(form, 0.5, 2, 2, 0.01, 0.8, preActivations, trainsEncoder);
  }

  private static Stream<String> kinds() {
    return KINDS.keySet().stream().sorted();
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void stepsMatchSaeLens(String name) throws IOException {
    SafetensorsFile file =
        SafetensorsFile.read(DictionaryFixtures.path("training/" + name + ".safetensors"));
    SaeKind kind = Objects.requireNonNull(KINDS.get(name));
    boolean hasPenalty = kind instanceof SaeKind.Standard || kind instanceof SaeKind.Gated;
    boolean warms = hasPenalty || kind instanceof SaeKind.JumpRelu;
    // SAELens has no auxiliary loss with a penalty.
    double auxiliary = hasPenalty ? 0 : 1;
    var options =
        new SaeOptions(FEATURES, kind, warms ? 4 : 0, auxiliary, 0.01, BATCH, STEPS, 3, 0, 1, 0);
    try (var learner = new SaeLearner(executor, SaeShape.autoencoder(D), options)) {
      String bias = kind instanceof SaeKind.Gated ? "b_gate" : "b_enc";
      boolean tied = kind.isTied();
      set(learner.features().decoder(), file.rows("W_dec"));
      if (!tied) {
        set(learner.features().encoder(), file.rows("W_enc"));
        set(learner.features().bias(), file.rows(bias));
      }
      set(learner.outputBias().values(), file.floats("b_dec"));
      for (TrainedVector vector : learner.loss().vectors()) {
        set(vector.values(), file.floats(vector.name()));
      }
      float[][] rows = file.rows("rows");
      for (int step = 0; step < STEPS; step++) {
        TrainingProgress progress =
            learner.step(Arrays.copyOfRange(rows, step * BATCH, (step + 1) * BATCH));
        assertEquals(step + 1, progress.step());
        assertEquals(file.floats("loss")[step], progress.loss(), TOLERANCE, "step " + step);
        assertEquals(file.floats("l0")[step], progress.l0(), 1e-6, "step " + step);
        assertEquals(file.floats("dead")[step], progress.dead(), "step " + step);
      }
      assertNear(file.rows("trained.W_dec"), learner.features().decoder());
      assertNear(file.rows(tied ? "trained.W_dec" : "trained.W_enc"), learner.features().encoder());
      float[][] noBias = {new float[FEATURES]};
      assertNear(tied ? noBias : file.rows("trained." + bias), learner.features().bias());
      assertArrayEquals(
          file.floats("trained.b_dec"), learner.outputBias().values(), TOLERANCE, "b_dec");
      for (TrainedVector vector : learner.loss().vectors()) {
        float[] trained = file.floats("trained." + vector.name());
        assertArrayEquals(trained, vector.values(), TOLERANCE, vector.name());
      }
      assertEquals(file.floats("topk_threshold")[0], learner.state().threshold(), TOLERANCE);
    }
  }

  private static void set(float[][] weights, float[][] values) {
    assertEquals(weights.length, values.length);
    for (int i = 0; i < weights.length; i++) {
      set(weights[i], values[i]);
    }
  }

  private static void set(float[] weights, float[] values) {
    System.arraycopy(values, 0, weights, 0, weights.length);
  }

  private static void assertNear(float[][] expected, float[][] actual) {
    for (int i = 0; i < expected.length; i++) {
      assertArrayEquals(expected[i], actual[i], TOLERANCE, "row " + i);
    }
  }
}
