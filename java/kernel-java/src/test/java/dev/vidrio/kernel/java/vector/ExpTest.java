package dev.vidrio.kernel.java.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.java.scalar.ScalarMath;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ExpTest {
  /** A prime, so that the sweep covers all patterns of low bits. */
  private static final int STEP = 2503;

  @Test
  void exp_withinOneUlpOfStrictMath() {
    for (float x : sweep()) {
      double exact = StrictMath.exp(x);
      if (exact >= Float.MIN_NORMAL && exact <= Float.MAX_VALUE) {
        double error = Math.abs(ScalarMath.exp(x) - exact);
        assertTrue(error <= Math.ulp((float) exact), () -> "exp(" + x + ") has error " + error);
      }
    }
  }

  @Test
  void exp_outOfRange_zeroOrInfinity() {
    assertEquals(1f, ScalarMath.exp(0f));
    assertEquals(1f, ScalarMath.exp(-0f));
    assertEquals(0f, ScalarMath.exp(-104f));
    assertEquals(0f, ScalarMath.exp(Float.NEGATIVE_INFINITY));
    assertEquals(Float.POSITIVE_INFINITY, ScalarMath.exp(88.73f));
    assertEquals(Float.POSITIVE_INFINITY, ScalarMath.exp(Float.POSITIVE_INFINITY));
    assertTrue(Float.isNaN(ScalarMath.exp(Float.NaN)));
  }

  @Test
  void exp_vectorEqualsScalar() {
    float[] x = sweep();
    float[] y = Arrays.copyOf(x, x.length / 16 * 16);
    VectorMath.exp(y, 0, y.length, 0);
    for (int i = 0; i < y.length; i++) {
      assertEquals(ScalarMath.exp(x[i]), y[i], Float.toString(x[i]));
    }
  }

  /**
   * Returns floats of both signs, from denormals to beyond the range of exp, and special values.
   */
  private static float[] sweep() {
    int last = Float.floatToIntBits(120f);
    float[] x = new float[2 * (last / STEP + 1) + 3];
    int n = 0;
    for (int bits = 0; bits <= last; bits += STEP) {
      x[n++] = Float.intBitsToFloat(bits);
      x[n++] = -Float.intBitsToFloat(bits);
    }
    x[n++] = Float.NaN;
    x[n++] = Float.NEGATIVE_INFINITY;
    x[n++] = Float.POSITIVE_INFINITY;
    return Arrays.copyOf(x, n);
  }
}
