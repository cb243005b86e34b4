package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Caches of two runs side by side. */
final class Caches {
  private Caches() {}

  /** Checks that they hold the same points, and the same bits. */
  static void assertSame(ActivationCache expected, ActivationCache actual) {
    assertEquals(expected.points(), actual.points());
    for (HookPoint point : expected.points()) {
      Activation e = expected.get(point);
      Activation a = actual.get(point);
      assertEquals(e.shape(), a.shape(), point.name());
      assertEquals(-1, e.data().mismatch(a.data()), point.name());
    }
  }
}
