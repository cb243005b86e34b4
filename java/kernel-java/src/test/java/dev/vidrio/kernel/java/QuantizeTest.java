package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.execution.Workspace.Quantized;
import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.java.vector.VectorKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;

class QuantizeTest {
  private static final int BLOCKS = 400;
  private final Random random = new Random(3);

  @Test
  void quantize_scalar() {
    check(new ScalarKernels());
  }

  @Test
  void quantize_vector() {
    check(new VectorKernels());
  }

  private void check(ScalarKernels kernels) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x = Segments.floats(arena, BLOCKS * 32L);
      for (int b = 0; b < BLOCKS; b++) {
        // Magnitudes over the full range of floats; every fifth block has ties.
        float magnitude = Math.scalb(1 + random.nextFloat(), random.nextInt(-149, 127));
        for (int i = 0; i < 32; i++) {
          double value =
              b % 5 == 0
                  ? magnitude / 127.0 * (random.nextInt(-254, 255) / 2.0)
                  : magnitude * (2 * random.nextDouble() - 1);
          x.setAtIndex(JAVA_FLOAT, b * 32L + i, (float) value);
        }
        x.setAtIndex(JAVA_FLOAT, b * 32L + random.nextInt(32), magnitude);
      }
      setFirst(x, 0, 0f);
      setFirst(x, 1, Math.nextDown(0x1p-100f));
      setFirst(x, 2, 0x1p-100f);
      setFirst(x, 3, -Float.MAX_VALUE);
      setFirst(x, 4, -0f);
      Quantized y = Segments.quantized(arena, BLOCKS * 32);
      y.q().fill((byte) 99);
      kernels.quantize(x, y, 0, BLOCKS / 3);
      kernels.quantize(x, y, BLOCKS / 3, BLOCKS);
      for (int b = 0; b < BLOCKS; b++) {
        checkBlock(x, y, b);
      }
    }
  }

  /** Sets block b to zero except for its first element. */
  private static void setFirst(MemorySegment x, int b, float value) {
    x.asSlice(b * 128L, 128).fill((byte) 0);
    x.setAtIndex(JAVA_FLOAT, b * 32L, value);
  }

  /** A quotient or product of floats in double, rounded to float, is correctly rounded. */
  private static void checkBlock(MemorySegment x, Quantized y, int b) {
    double a = 0;
    for (int i = 0; i < 32; i++) {
      a = Math.max(a, Math.abs(x.getAtIndex(JAVA_FLOAT, b * 32L + i)));
    }
    boolean zero = a < 0x1p-100;
    double inverse = (float) (127 / a);
    var sums = new int[2];
    for (int i = 0; i < 32; i++) {
      float product = (float) (x.getAtIndex(JAVA_FLOAT, b * 32L + i) * inverse);
      int expected = zero ? 0 : (int) Math.rint(product);
      assertEquals(expected, y.q().get(JAVA_BYTE, b * 32L + i), "block " + b + " element " + i);
      sums[i / 16] += expected;
    }
    float scale = zero ? 0 : (float) (a / 127);
    assertEquals(scale, y.scale().getAtIndex(JAVA_FLOAT, b), "scale of block " + b);
    assertEquals(sums[0], y.sum().getAtIndex(JAVA_INT, 2L * b), "first sum of block " + b);
    assertEquals(sums[1], y.sum().getAtIndex(JAVA_INT, 2L * b + 1), "second sum of block " + b);
    float scaledSum = (float) ((double) scale * (sums[0] + sums[1]));
    assertEquals(scaledSum, y.scaledSum().getAtIndex(JAVA_FLOAT, b), "block " + b);
  }

  @Test
  void quantize_infinityOrNaN_scaleIsNaN() {
    for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY}) {
      for (int place = 0; place < 32; place++) {
        for (ScalarKernels kernels :
            new ScalarKernels[] {new ScalarKernels(), new VectorKernels()}) {
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment x = Segments.floats(arena, 32, random::nextGaussian);
            x.setAtIndex(JAVA_FLOAT, place, bad);
            Quantized y = Segments.quantized(arena, 32);
            y.q().fill((byte) 1);
            kernels.quantize(x, y, 0, 1);
            assertEquals(-1, y.q().mismatch(arena.allocate(32)));
            assertEquals(0, y.sum().getAtIndex(JAVA_INT, 0));
            assertEquals(0, y.sum().getAtIndex(JAVA_INT, 1));
            assertTrue(Float.isNaN(y.scale().getAtIndex(JAVA_FLOAT, 0)));
            assertTrue(Float.isNaN(y.scaledSum().getAtIndex(JAVA_FLOAT, 0)));
          }
        }
      }
    }
  }
}
