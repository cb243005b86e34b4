package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every hook point of the bard against a float64 forward pass of others over its weights. */
class BardActivationsTest {

  /**
   * Float products round in the last of 24 bits, and errors add up over some hundred operations in
   * a row: 1e-5 is ten times what that gives. Int8 activations round at 1/254 of a block's
   * greatest.
   */
  @ParameterizedTest
  @CsvSource({"f32, 1e-5", "q8_0, 5e-2"})
  void hookPointsMatchReference(String type, double tolerance) {
    SafetensorsFile gold = BardFiles.gold(type);
    int compared = 0;
    try (Model model = Model.open(type.equals("f32") ? BardFiles.f32() : BardFiles.q8());
        ActivationCache cache = Lens.of(model).run(gold.ints("tokens"), Capture.of("*"))) {
      for (HookPoint point : cache.points()) {
        if (gold.names().contains(point.name())) {
          Activation activation = cache.get(point);
          List<Long> shape = activation.shape().stream().map(Integer::longValue).toList();
          assertEquals(gold.shape(point.name()), shape, point.name());
          float[] expected = BardFiles.activation(gold, point.name());
          double error = relativeError(expected, activation.toArray());
          assertTrue(error <= tolerance, point + ": relative error " + error);
          compared++;
        }
      }
    }
    // All of the gold but the tokens, the target and its gradient.
    assertEquals(gold.names().size() - 3, compared);
  }

  /** Largest difference over the largest magnitude of the expected values. */
  private static double relativeError(float[] expected, float[] actual) {
    double difference = 0;
    double magnitude = 0;
    for (int i = 0; i < expected.length; i++) {
      difference = Math.max(difference, Math.abs(actual[i] - (double) expected[i]));
      magnitude = Math.max(magnitude, Math.abs((double) expected[i]));
    }
    return difference / magnitude;
  }
}
