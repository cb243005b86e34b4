package dev.vidrio.model.testfiles;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Compares tensors with those of another program. */
public final class Closeness {
  private Closeness() {}

  /**
   * Asserts that the largest difference of two tensors is at most a fraction of the largest
   * magnitude expected.
   */
  public static void assertClose(float[] expected, float[] actual, double tolerance) {
    assertEquals(expected.length, actual.length);
    double difference = 0;
    double magnitude = 0;
    for (int i = 0; i < expected.length; i++) {
      difference = Math.max(difference, Math.abs((double) actual[i] - expected[i]));
      magnitude = Math.max(magnitude, Math.abs((double) expected[i]));
    }
    double error = difference / magnitude;
    assertTrue(error <= tolerance, () -> "relative error " + error);
  }
}
