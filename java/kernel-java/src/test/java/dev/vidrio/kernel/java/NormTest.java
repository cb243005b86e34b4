package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.Buffer;
import dev.vidrio.kernel.Op;
import dev.vidrio.kernel.Rows;
import dev.vidrio.kernel.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class NormTest {
  private static final double U = 0x1p-24;
  private static final int ROWS = 5;
  private static final float EPSILON = 1e-5f;

  private final Kernels scalar = new ScalarKernels();
  private final Kernels vector = new VectorKernels();
  private final Random random = new Random(5);

  @ParameterizedTest
  @EnumSource(Op.NormKind.class)
  void norm(Op.NormKind kind) {
    for (int d : new int[] {1, 7, 16, 31, 32, 100, 576, 1003}) {
      for (int affine = 0; affine < 4; affine++) {
        try (Arena arena = Arena.ofConfined()) {
          Weights gain = affine % 2 == 0 ? null : Segments.vector(arena, d, random);
          Weights bias = affine / 2 == 0 ? null : Segments.vector(arena, d, random);
          check(arena, kind, d, gain, bias);
        }
      }
    }
  }

  private void check(
      Arena arena, Op.NormKind kind, int d, @Nullable Weights gain, @Nullable Weights bias) {
    Buffer in = new Buffer("x", Rows.TOKENS, d);
    Buffer out = new Buffer("y", Rows.TOKENS, d);
    Buffer divisor = new Buffer("scale", Rows.TOKENS, 1);
    Op.Norm op = new Op.Norm(kind, EPSILON, in, gain, bias, out, divisor);
    MemorySegment x = Segments.floats(arena, (long) ROWS * d, () -> 1 + random.nextGaussian());
    MemorySegment y = Segments.floats(arena, (long) ROWS * d);
    MemorySegment scale = Segments.floats(arena, ROWS);
    scalar.norm(op, x, y, scale, 0, ROWS);
    for (int row = 0; row < ROWS; row++) {
      checkRow(op, x, y, row, scale.getAtIndex(JAVA_FLOAT, row));
    }
    MemorySegment vectorY = Segments.floats(arena, (long) ROWS * d);
    MemorySegment vectorScale = Segments.floats(arena, ROWS);
    vector.norm(op, x, vectorY, vectorScale, 0, 2);
    vector.norm(op, x, vectorY, null, 2, ROWS);
    Segments.assertSameBits(y, vectorY, kind + " " + d);
    assertEquals(scale.getAtIndex(JAVA_FLOAT, 1), vectorScale.getAtIndex(JAVA_FLOAT, 1));
    assertEquals(0f, vectorScale.getAtIndex(JAVA_FLOAT, 2));
  }

  private static void checkRow(Op.Norm op, MemorySegment x, MemorySegment y, int row, float scale) {
    int d = op.x().width();
    double mean = 0;
    double greatest = 0;
    for (int i = 0; i < d; i++) {
      double v = x.getAtIndex(JAVA_FLOAT, (long) row * d + i);
      mean += op.kind() == Op.NormKind.LAYER ? v / d : 0;
      greatest = Math.max(greatest, Math.abs(v));
    }
    double square = 0;
    for (int i = 0; i < d; i++) {
      double c = x.getAtIndex(JAVA_FLOAT, (long) row * d + i) - mean;
      square += c * c / d;
    }
    double exact = Math.sqrt(square + op.epsilon());
    // Each lane sums ⌈d/16⌉ terms; four additions and the division follow.
    double sums = (Math.ceilDiv(d, 16) + 5) * U;
    // A centered element is off by what the mean is, and by its own rounding.
    double center = op.kind() == Op.NormKind.LAYER ? (sums + U) * greatest : 0;
    double scaleBound = exact * (sums + 4 * U) + center;
    assertTrue(Math.abs(scale - exact) <= scaleBound, "scale " + scale + " for " + exact);
    for (int i = 0; i < d; i++) {
      double c = x.getAtIndex(JAVA_FLOAT, (long) row * d + i) - mean;
      double gain = op.gain() == null ? 1 : op.gain().data().getAtIndex(JAVA_FLOAT, i);
      double bias = op.bias() == null ? 0 : op.bias().data().getAtIndex(JAVA_FLOAT, i);
      double expected = c / exact * gain + bias;
      double normalizedBound =
          2 * (center / exact + Math.abs(c) / exact * (scaleBound / exact + 3 * U));
      double bound = normalizedBound * Math.abs(gain) + Math.abs(expected) * U;
      double error = Math.abs(y.getAtIndex(JAVA_FLOAT, (long) row * d + i) - expected);
      assertTrue(error <= bound, op.kind() + " " + d + ": " + error + " > " + bound);
    }
  }
}
