package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;

/** Caches of two runs side by side. */
public final class Caches {
  private Caches() {}

  /** Checks that they hold the same points, and the same bits. */
  public static void assertSame(ActivationCache expected, ActivationCache actual) {
    assertEquals(expected.points(), actual.points());
    for (HookPoint point : expected.points()) {
      Activation e = expected.get(point);
      Activation a = actual.get(point);
      assertEquals(e.shape(), a.shape(), point.name());
      assertEquals(-1, e.data().mismatch(a.data()), point.name());
    }
  }
}
