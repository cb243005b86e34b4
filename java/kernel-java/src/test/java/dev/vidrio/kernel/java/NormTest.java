package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.java.vector.VectorKernels;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.Weights;
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

  private final ScalarKernels scalar = new ScalarKernels();
  private final ScalarKernels vector = new VectorKernels();
  private final Random random = new Random(5);

  @ParameterizedTest
  @EnumSource(Op.NormKind.class)
  void norm(Op.NormKind kind) {
    for (int d : new int[] {1, 7, 16, 31, 32, 100, 576, 1003}) {
      check(kind, 1, d, d);
    }
  }

  @ParameterizedTest
  @EnumSource(Op.NormKind.class)
  void norm_perHead(Op.NormKind kind) {
    for (int d : new int[] {1, 31, 64, 80}) {
      check(kind, 3, d, d);
      check(kind, 3, d, 3 * d);
    }
  }

  /** Checks norms with and without gain and bias of {@code affine} elements. */
  private void check(Op.NormKind kind, int heads, int d, int affine) {
    for (int which = 0; which < 4; which++) {
      try (Arena arena = Arena.ofConfined()) {
        Weights gain = which % 2 == 0 ? null : Segments.vector(arena, affine, random);
        Weights bias = which / 2 == 0 ? null : Segments.vector(arena, affine, random);
        check(arena, kind, heads, d, gain, bias);
      }
    }
  }

  private void check(
      Arena arena,
      Op.NormKind kind,
      int heads,
      int d,
      @Nullable Weights gain,
      @Nullable Weights bias) {
    Buffer in = new Buffer("x", Rows.TOKENS, heads * d);
    Buffer out = new Buffer("y", Rows.TOKENS, heads * d);
    Buffer divisor = new Buffer("scale", Rows.TOKENS, heads);
    Op.Norm op = new Op.Norm(kind, EPSILON, heads, in, gain, bias, out, divisor);
    int all = ROWS * heads;
    MemorySegment x = Segments.floats(arena, (long) all * d, () -> 1 + random.nextGaussian());
    MemorySegment y = Segments.floats(arena, (long) all * d);
    MemorySegment vectorY = Segments.floats(arena, (long) all * d);
    for (int head = 0; head < all; head++) {
      float scale = scalar.norm(op, x, y, head);
      checkHead(op, x, y, head, scale);
      assertEquals(scale, vector.norm(op, x, vectorY, head));
    }
    Segments.assertSameBits(y, vectorY, kind + " " + d);
  }

  private static void checkHead(
      Op.Norm op, MemorySegment x, MemorySegment y, int head, float scale) {
    int d = op.x().width() / op.heads();
    int gains = op.gain() == null ? d : op.gain().k();
    int biases = op.bias() == null ? d : op.bias().k();
    double mean = 0;
    double largest = 0;
    for (int i = 0; i < d; i++) {
      double v = x.getAtIndex(JAVA_FLOAT, (long) head * d + i);
      mean += op.kind() == Op.NormKind.LAYER ? v / d : 0;
      largest = Math.max(largest, Math.abs(v));
    }
    double square = 0;
    for (int i = 0; i < d; i++) {
      double c = x.getAtIndex(JAVA_FLOAT, (long) head * d + i) - mean;
      square += c * c / d;
    }
    double exact = Math.sqrt(square + op.epsilon());
    // Each lane sums ⌈d/16⌉ terms; four additions and the division follow.
    double sums = (Math.ceilDiv(d, 16) + 5) * U;
    // A centered element has the error of the mean, and its own rounding.
    double center = op.kind() == Op.NormKind.LAYER ? (sums + U) * largest : 0;
    double scaleBound = exact * (sums + 4 * U) + center;
    assertTrue(Math.abs(scale - exact) <= scaleBound, "scale " + scale + " for " + exact);
    for (int i = 0; i < d; i++) {
      double c = x.getAtIndex(JAVA_FLOAT, (long) head * d + i) - mean;
      double gain =
          op.gain() == null ? 1 : op.gain().data().getAtIndex(JAVA_FLOAT, (head * d + i) % gains);
      double bias =
          op.bias() == null ? 0 : op.bias().data().getAtIndex(JAVA_FLOAT, (head * d + i) % biases);
      double expected = c / exact * gain + bias;
      double normalizedBound =
          2 * (center / exact + Math.abs(c) / exact * (scaleBound / exact + 3 * U));
      double bound = normalizedBound * Math.abs(gain) + Math.abs(expected) * U;
      double error = Math.abs(y.getAtIndex(JAVA_FLOAT, (long) head * d + i) - expected);
      assertTrue(error <= bound, op.kind() + " " + d + ": " + error + " > " + bound);
    }
  }
}
