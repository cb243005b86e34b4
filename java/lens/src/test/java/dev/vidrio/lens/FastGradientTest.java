package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.BardFiles;
import dev.vidrio.model.testfiles.SafetensorsFile;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FastGradientTest {
  /** Of bf16, which has 8 bits. */
  private static final double ROUNDOFF = 0x1p-9;

  private static Model open(String type) {
    return Model.open(type.equals("f32") ? BardFiles.f32() : BardFiles.q8());
  }

  private static float[] gradient(Lens lens, int[] tokens, DifferentiableMetric metric) {
    try (var session = GradientSession.open(lens, GradientOptions.of("hook_embed", 40))) {
      session.run(tokens, metric);
      return session.gradient(HookPoint.of(HookSite.EMBED)).toArray();
    }
  }

  /** Each product on the way rounds its two factors once. */
  @ParameterizedTest
  @ValueSource(strings = {"f32", "q8_0"})
  void staysNearTheExactGradient(String type) {
    SafetensorsFile gold = BardFiles.gold(type);
    int[] target = gold.ints("target");
    DifferentiableMetric metric = Metric.logitDifference(target[0], target[1]);
    try (Model model = open(type)) {
      Lens lens = Lens.of(model);
      float[] exact = gradient(lens, gold.ints("tokens"), metric);
      float[] fast = gradient(lens.fastGradients(), gold.ints("tokens"), metric);
      double difference = 0;
      double magnitude = 0;
      for (int i = 0; i < exact.length; i++) {
        difference = Math.max(difference, Math.abs(fast[i] - (double) exact[i]));
        magnitude = Math.max(magnitude, Math.abs(exact[i]));
      }
      int products = 7 * model.architecture().layers() + 1;
      double error = difference / magnitude;
      assertTrue(error <= 2 * products * ROUNDOFF, "relative error " + error);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"f32", "q8_0"})
  void isTheSameInEachRun(String type) {
    int[] tokens = BardFiles.gold(type).ints("tokens");
    try (Model model = open(type)) {
      Lens lens = Lens.of(model).fastGradients();
      float[] first = gradient(lens, tokens, Metric.logit(5));
      assertArrayEquals(first, gradient(lens, tokens, Metric.logit(5)));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"f32", "q8_0"})
  void theWayForwardKeepsItsBits(String type) {
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
