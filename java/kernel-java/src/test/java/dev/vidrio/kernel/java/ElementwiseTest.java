package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.java.vector.VectorKernels;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Embedding, activation, addition, scaling and gathering. */
class ElementwiseTest {
  private static final double U = 0x1p-24;

  /** The error bounds of docs/numerics.md. */
  private static final int GELU_ULPS = 11;

  private static final int TANH_ULPS = 3;
  private static final double SOFTPLUS_ULPS = 1.9;

  private final List<ScalarKernels> both = List.of(new ScalarKernels(), new VectorKernels());
  private final Random random = new Random(11);

  /** Every element is an exact product, or fma, in double, rounded once. */
  @ParameterizedTest
  @EnumSource(WeightType.class)
  void embed(WeightType type) {
    int rows = 9;
    int block = type.blockElements();
    for (int d : type.quantized() ? new int[] {block, 3 * block} : new int[] {1, 17, 33, 64}) {
      try (Arena arena = Arena.ofConfined()) {
        Weights table = Segments.matrix(arena, type, rows, d, random);
        var decoded = new Decoded(table);
        Batch batch = batch(arena, rows);
        for (ScalarKernels kernels : both) {
          MemorySegment y = Segments.floats(arena, (long) rows * d);
          for (int row = 0; row < rows; row++) {
            kernels.embed(embedding(table, Op.EmbedIndex.TOKENS, 0), batch, y, row);
          }
          for (int i = 0; i < rows * d; i++) {
            float expected = (float) decoded.element(batch.token(i / d), i % d) + 0f;
            assertEquals(expected, y.getAtIndex(JAVA_FLOAT, i) + 0f, "element " + i);
          }
        }
      }
    }
  }

  private static Op.Embed embedding(Weights table, Op.EmbedIndex index, int offset) {
    return embedding(table, index, offset, 0);
  }

  private static Op.Embed embedding(Weights table, Op.EmbedIndex index, int offset, int skip) {
    return new Op.Embed(table, index, offset, skip, new Buffer("y", Rows.TOKENS, table.k()));
  }

  /** A table with several rows per token. */
  @Test
  void embed_severalRowsPerToken() {
    int rows = 6;
    int d = 19;
    try (Arena arena = Arena.ofConfined()) {
      Weights table = Segments.matrix(arena, WeightType.BF16, 4 * rows, d, random);
      var decoded = new Decoded(table);
      Batch batch = batch(arena, rows);
      for (ScalarKernels kernels : both) {
        MemorySegment y = Segments.floats(arena, (long) rows * d);
        for (int row = 0; row < rows; row++) {
          kernels.embed(embedding(table, Op.EmbedIndex.TOKENS, 2, 3), batch, y, row);
        }
        for (int i = 0; i < rows * d; i++) {
          float expected = (float) decoded.element(4 * batch.token(i / d) + 2, i % d);
          assertEquals(expected, y.getAtIndex(JAVA_FLOAT, i), "element " + i);
        }
      }
    }
  }

  /** Learned positions, with an offset of position 0. */
  @Test
  void embed_positions() {
    int rows = 6;
    int d = 19;
    try (Arena arena = Arena.ofConfined()) {
      Weights table = Segments.matrix(arena, WeightType.F32, rows + 2, d, random);
      for (ScalarKernels kernels : both) {
        MemorySegment y = Segments.floats(arena, (long) rows * d);
        Op.Embed op = embedding(table, Op.EmbedIndex.POSITIONS, 2);
        for (int row = 0; row < rows; row++) {
          kernels.embed(op, batch(arena, rows), y, row);
        }
        assertEquals(-1, y.mismatch(table.data().asSlice(2L * d * Float.BYTES)));
      }
    }
  }

  /** Returns a batch of tokens {@code rows} − 1 to 0. */
  private static Batch batch(Arena arena, int rows) {
    Batch batch = new Batch(new Limits(rows, rows, 1, rows, rows), arena);
    batch.addSequence(new int[] {0}, 1);
    for (int i = 0; i < rows; i++) {
      batch.add(rows - 1 - i, i, 0, i % 3 == 1);
    }
    return batch;
  }

  @Test
  void embed_convertsEveryHalf() {
    try (Arena arena = Arena.ofConfined()) {
      Weights table = Segments.matrix(arena, WeightType.F16, 1, 1 << 16, random);
      for (int i = 0; i < 1 << 16; i++) {
        table.data().set(JAVA_SHORT, 2L * i, (short) i);
      }
      for (ScalarKernels kernels : both) {
        MemorySegment y = Segments.floats(arena, 1 << 16);
        kernels.embed(embedding(table, Op.EmbedIndex.TOKENS, 0), batch(arena, 1), y, 0);
        for (int i = 0; i < 1 << 16; i++) {
          assertEquals(half(i), y.getAtIndex(JAVA_FLOAT, i), Integer.toHexString(i));
        }
      }
    }
  }

  /** Returns an f16 by the definition of binary16. */
  private static float half(int bits) {
    int exponent = bits >> 10 & 31;
    int fraction = bits & 1023;
    float magnitude =
        switch (exponent) {
          case 0 -> Math.scalb((float) fraction, -24);
          case 31 -> fraction == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
          default -> Math.scalb((float) (1024 + fraction), exponent - 25);
        };
    return bits >> 15 == 0 ? magnitude : -magnitude;
  }

  @ParameterizedTest
  @EnumSource(Op.ActivationKind.class)
  void activation(Op.ActivationKind kind) {
    int n = 5003;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x =
          Segments.floats(
              arena, n, () -> Math.scalb(random.nextGaussian(), random.nextInt(-30, 7)));
      MemorySegment up = Segments.floats(arena, n, random::nextGaussian);
      for (MemorySegment factor : new MemorySegment[] {null, up}) {
        MemorySegment expected = Segments.floats(arena, n);
        both.get(0).activation(kind, x, factor, expected, 0, n);
        for (int i = 0; i < n; i++) {
          assertActivation(kind, x, factor, expected, i);
        }
        MemorySegment actual = Segments.floats(arena, n);
        both.get(1).activation(kind, x, factor, actual, 0, 1007);
        both.get(1).activation(kind, x, factor, actual, 1007, n);
        Segments.assertSameBits(expected, actual, kind.name());
      }
    }
  }

  /**
   * Compares a function with its definition in double. Functions without a case are compared only
   * with the native kernels, which {@link GradientTest} requires to have equal bits and native
   * tests compare with double.
   */
  private static void assertActivation(
      Op.ActivationKind kind, MemorySegment x, MemorySegment up, MemorySegment y, int i) {
    double v = x.getAtIndex(JAVA_FLOAT, i);
    double argument = -2 * Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v);
    double exact =
        switch (kind) {
          case SILU -> v / (1 + Math.exp(-v));
          case GELU_TANH -> v / (1 + Math.exp(argument));
          case RELU -> Math.max(v, 0);
          case GELU -> v * normalShare(v);
          case TANH -> Math.tanh(v);
          case SQUARED_RELU -> Math.max(v, 0) * Math.max(v, 0);
          case ELU -> v > 0 ? v : Math.expm1(v);
          case HARD_TANH -> Math.clamp(v, -1, 1);
          case CLAMPED_SWISH -> Math.min(v, 7) / (1 + Math.exp(-1.702f * Math.min(v, 7)));
          case CLAMPED_LINEAR -> 1 + Math.clamp(v, -7, 7);
          case IDENTITY -> v;
          case SIGMOID -> 1 / (1 + Math.exp(-v));
          case SOFTPLUS -> Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
          default -> Double.NaN;
        };
    if (Double.isNaN(exact)) {
      return;
    }
    // exp is off by 2 U and by the 6 roundings of its argument; then come 3 roundings.
    double roundings =
        switch (kind) {
          case SILU, RELU, SQUARED_RELU, HARD_TANH, IDENTITY, SIGMOID -> 5;
          case GELU_TANH -> 5 + 6 * Math.abs(argument);
          case GELU -> 2 * GELU_ULPS;
          case TANH, ELU -> 2 * TANH_ULPS;
          case SOFTPLUS -> 2 * SOFTPLUS_ULPS;
          case CLAMPED_SWISH -> 5 + 1.702 * Math.abs(Math.min(v, 7));
          case CLAMPED_LINEAR -> 1;
          default -> 0;
        };
    double bound = Math.abs(exact) * U * roundings;
    // A bound of the error if exp is infinite.
    bound += 0x1p-128 * 89;
    if (up != null) {
      double factor = up.getAtIndex(JAVA_FLOAT, i);
      exact *= factor;
      bound = bound * Math.abs(factor) + Math.abs(exact) * U;
    }
    double error = Math.abs(y.getAtIndex(JAVA_FLOAT, i) - exact);
    assertTrue(error <= bound, kind + "(" + v + ") has error " + error + " > " + bound);
  }

  /**
   * Returns the normal distribution function, by the series and the continued fraction of
   * Abramowitz and Stegun, 26.2.11 and 26.2.14.
   */
  private static double normalShare(double x) {
    double a = Math.abs(x);
    double density = Math.exp(-a * a / 2) / Math.sqrt(2 * Math.PI);
    double above;
    if (a < 4) {
      double term = a;
      double sum = 0;
      for (int i = 1; i < 100; i++) {
        sum += term;
        term *= a * a / (2 * i + 1);
      }
      above = 0.5 - density * sum;
    } else {
      double fraction = a;
      for (int i = 100; i > 0; i--) {
        fraction = a + i / fraction;
      }
      above = density / fraction;
    }
    return x < 0 ? above : 1 - above;
  }

  @Test
  void activation_specialValues() {
    float inf = Float.POSITIVE_INFINITY;
    float[] special = new float[64];
    float[] values = {0f, -0f, 1e-42f, -1e-42f, 3e38f, -3e38f, 200f, -200f, -inf, Float.NaN, inf};
    for (int i = 0; i < special.length; i++) {
      special[i] = values[i % values.length];
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x = Segments.floats(arena, special);
      for (Op.ActivationKind kind : Op.ActivationKind.values()) {
        MemorySegment[] y = {Segments.floats(arena, 64), Segments.floats(arena, 64)};
        for (int i = 0; i < 2; i++) {
          both.get(i).activation(kind, x, null, y[i], 0, 64);
        }
        Segments.assertSameBits(y[0], y[1], kind.name());
        float origin =
            switch (kind) {
              case CLAMPED_LINEAR -> 1;
              case SIGMOID -> 0.5f;
              case SOFTPLUS -> (float) Math.log(2);
              default -> 0;
            };
        assertEquals(origin, y[0].getAtIndex(JAVA_FLOAT, 0));
        boolean selects = kind == Op.ActivationKind.RELU || kind == Op.ActivationKind.SQUARED_RELU;
        assertEquals(!selects, Float.isNaN(y[0].getAtIndex(JAVA_FLOAT, 9)));
      }
    }
  }

  @Test
  void addAndAddBias() {
    int rows = 3;
    for (int width : new int[] {1, 15, 16, 37, 64}) {
      int n = rows * width;
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment a = Segments.floats(arena, n, random::nextGaussian);
        MemorySegment b = Segments.floats(arena, n, random::nextGaussian);
        MemorySegment bias = b.asSlice(0, 4L * width);
        for (ScalarKernels kernels : both) {
          MemorySegment y = Segments.floats(arena, n);
          kernels.add(a, 0, b, 0, y, 0, n / 2);
          kernels.add(a, n / 2, b, n / 2, y, n / 2, n - n / 2);
          MemorySegment biased = Segments.floats(arena, n);
          for (int row = 0; row < rows; row++) {
            kernels.add(a, (long) row * width, bias, 0, biased, (long) row * width, width);
          }
          for (int i = 0; i < n; i++) {
            float left = a.getAtIndex(JAVA_FLOAT, i);
            assertEquals(left + b.getAtIndex(JAVA_FLOAT, i), y.getAtIndex(JAVA_FLOAT, i));
            float right = b.getAtIndex(JAVA_FLOAT, i % width);
            assertEquals(left + right, biased.getAtIndex(JAVA_FLOAT, i));
          }
        }
      }
    }
  }

  @Test
  void scale() {
    int n = 77;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x = Segments.floats(arena, n, random::nextGaussian);
      for (ScalarKernels kernels : both) {
        MemorySegment y = Segments.floats(arena, n);
        kernels.scale(x, 25.298f, y, 0, 33);
        kernels.scale(x, 25.298f, y, 33, n);
        for (int i = 0; i < n; i++) {
          assertEquals(25.298f * x.getAtIndex(JAVA_FLOAT, i), y.getAtIndex(JAVA_FLOAT, i));
        }
      }
    }
  }

  @Test
  void gather() {
    int rows = 8;
    int width = 21;
    int n = rows * width;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x = Segments.floats(arena, n, random::nextGaussian);
      Batch batch = batch(arena, rows);
      MemorySegment chosen = Segments.floats(arena, 3L * width);
      for (int i = 0; i < 3; i++) {
        ScalarKernels.gather(batch, x, chosen, width, i);
      }
      for (int i = 0; i < 3 * width; i++) {
        int row = 3 * (i / width) + 1;
        float expected = x.getAtIndex(JAVA_FLOAT, (long) row * width + i % width);
        assertEquals(expected, chosen.getAtIndex(JAVA_FLOAT, i));
      }
    }
  }
}
