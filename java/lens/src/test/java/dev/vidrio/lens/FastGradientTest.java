package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.testfiles.TestExecutors;
import java.util.function.Supplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FastGradientTest {
  /**
   * Error of a rounded factor: of 8-bit integers, relative to the largest element of their block,
   * or of 8 significant bits, relative to the factor.
   */
  private static double roundoff(Arithmetic arithmetic) {
    return arithmetic == Arithmetic.INT8 ? 1.0 / 254 : 0x1p-8;
  }

  private static Model open(String type) {
    return open(type, ModelOptions.DEFAULT);
  }

  private static Model open(String type, ModelOptions options) {
    return Model.open(type.equals("f32") ? BardFiles.f32() : BardFiles.q8(), options);
  }

  private static float[] gradient(Lens lens, int[] tokens, DifferentiableMetric metric) {
    try (var session = GradientSession.open(lens, GradientOptions.of("hook_embed", 40))) {
      session.run(tokens, metric);
      return session.gradient(HookPoint.of(HookSite.EMBED)).toArray();
    }
  }

  /** Each product on the way rounds its two factors once. */
  @ParameterizedTest
  @CsvSource({"f32, INT8", "q8_0, INT8", "f32, BF16", "q8_0, BF16"})
  void staysNearTheExactGradient(String type, Arithmetic arithmetic) {
    SafetensorsFile gold = BardFiles.gold(type);
    int[] target = gold.ints("target");
    DifferentiableMetric metric = Metric.logitDifference(target[0], target[1]);
    try (Model model = open(type)) {
      Lens lens = Lens.of(model);
      float[] exact = gradient(lens, gold.ints("tokens"), metric);
      float[] fast = gradient(lens.fastGradients(arithmetic), gold.ints("tokens"), metric);
      double difference = 0;
      double magnitude = 0;
      for (int i = 0; i < exact.length; i++) {
        difference = Math.max(difference, Math.abs(fast[i] - (double) exact[i]));
        magnitude = Math.max(magnitude, Math.abs(exact[i]));
      }
      int products = 7 * model.architecture().layers() + 1;
      double error = difference / magnitude;
      assertTrue(error <= 2 * products * roundoff(arithmetic), "relative error " + error);
    }
  }

  @ParameterizedTest
  @CsvSource({"f32, INT8", "q8_0, INT8", "f32, BF16", "q8_0, BF16"})
  @Tag("long")
  void bitsDoNotDependOnExecutor(String type, Arithmetic arithmetic) {
    int[] tokens = BardFiles.gold(type).ints("tokens");
    float[] expected = gradient(type, arithmetic, NativeExecutor::create, tokens);
    TestExecutors.all(2)
        .forEach(
            executor -> assertArrayEquals(expected, gradient(type, arithmetic, executor, tokens)));
  }

  private static float[] gradient(
      String type, Arithmetic arithmetic, Supplier<Executor> executor, int[] tokens) {
    try (Model model = open(type, ModelOptions.with(executor))) {
      return gradient(Lens.of(model).fastGradients(arithmetic), tokens, Metric.logit(5));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"f32", "q8_0"})
  void forwardPassKeepsBits(String type) {
    int[] tokens = BardFiles.gold(type).ints("tokens");
    GradientOptions options = GradientOptions.of("*.hook_resid_post", 40);
    try (Model model = open(type);
        var exact = GradientSession.open(Lens.of(model), options);
        var fast = GradientSession.open(Lens.of(model).fastGradients(), options)) {
      assertEquals(exact.run(tokens, Metric.logit(5)), fast.run(tokens, Metric.logit(5)));
      for (HookPoint point : exact.points()) {
        assertArrayEquals(exact.activation(point).toArray(), fast.activation(point).toArray());
      }
    }
  }
}
