package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.Packing;
import dev.vidrio.kernel.WeightType;
import dev.vidrio.kernel.Weights;
import dev.vidrio.kernel.Workspace.Quantized;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MatMulTest {
  /** Half a unit in the last place of 1: the greatest relative error of a rounding. */
  private static final double U = 0x1p-24;

  private static final int[] ROWS = {1, 2, 3, 4, 5, 9, 66};
  private static final int[] OUTPUTS = {1, 5, 16, 31, 67};

  private final Kernels scalar = new ScalarKernels();
  private final Kernels vector = new VectorKernels();
  private final Random random = new Random(7);

  @ParameterizedTest
  @EnumSource(
      value = WeightType.class,
      names = {"F32", "F16"})
  void floatWeights(WeightType type) {
    for (int k : new int[] {1, 7, 16, 32, 37, 100, 288, 608}) {
      for (int i = 0; i < 3; i++) {
        try (Arena arena = Arena.ofConfined()) {
          int rows = ROWS[random.nextInt(ROWS.length)];
          Weights w =
              Segments.matrix(arena, type, OUTPUTS[random.nextInt(OUTPUTS.length)], k, random);
          MemorySegment x = Segments.floats(arena, (long) rows * k, random::nextGaussian);
          MemorySegment y = multiply(scalar, arena, w, x, rows);
          assertNear(w, x, y, rows);
          Segments.assertSameBits(y, multiply(vector, arena, w, x, rows), type + " " + k);
        }
      }
    }
  }

  /** A lane adds ⌈k/16⌉ products, and four additions merge the lanes. */
  private static void assertNear(Weights w, MemorySegment x, MemorySegment y, int rows) {
    for (int m = 0; m < rows; m++) {
      for (int n = 0; n < w.n(); n++) {
        double exact = 0;
        double magnitude = 0;
        for (int k = 0; k < w.k(); k++) {
          double product =
              x.getAtIndex(JAVA_FLOAT, (long) m * w.k() + k) * Segments.element(w, n, k);
          exact += product;
          magnitude += Math.abs(product);
        }
        double bound = (Math.ceilDiv(w.k(), 16) + 4) * U * magnitude;
        double error = Math.abs(y.getAtIndex(JAVA_FLOAT, (long) m * w.n() + n) - exact);
        assertTrue(error <= bound, error + " > " + bound);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = WeightType.class,
      names = {"Q8_0", "Q4_0", "Q4_1"})
  void quantizedWeights(WeightType type) {
    for (int k = 32; k <= 608; k += 64) {
      for (int i = 0; i < 3; i++) {
        try (Arena arena = Arena.ofConfined()) {
          int rows = ROWS[random.nextInt(ROWS.length)];
          Weights w =
              Segments.matrix(arena, type, OUTPUTS[random.nextInt(OUTPUTS.length)], k, random);
          Quantized x = Segments.quantized(arena, rows * k, random);
          Weights packed = Segments.packed(arena, w);
          MemorySegment y = multiply(scalar, arena, packed, x, rows);
          assertNear(w, x, y, rows);
          Segments.assertSameBits(y, multiply(vector, arena, packed, x, rows), type + " " + k);
        }
      }
    }
  }

  /** A block rounds its scale, and one or two times the sum so far. */
  private static void assertNear(Weights w, Quantized x, MemorySegment y, int rows) {
    int blocks = w.k() / 32;
    for (int m = 0; m < rows; m++) {
      for (int n = 0; n < w.n(); n++) {
        double exact = 0;
        double magnitude = 0;
        for (int b = 0; b < blocks; b++) {
          long block = (long) m * blocks + b;
          long dot = 0;
          for (int i = 0; i < 32; i++) {
            dot += (long) Segments.integer(w, n, b * 32 + i) * x.q().get(JAVA_BYTE, block * 32 + i);
          }
          double product =
              (double) Segments.scale(w, n, b * 32) * x.scale().getAtIndex(JAVA_FLOAT, block) * dot;
          double offset =
              (double) Segments.minimum(w, n, b * 32) * x.scaledSum().getAtIndex(JAVA_FLOAT, block);
          exact += product + offset;
          magnitude += Math.abs(product) + Math.abs(offset);
        }
        double bound = (2 * blocks + 1) * U * magnitude;
        double error = Math.abs(y.getAtIndex(JAVA_FLOAT, (long) m * w.n() + n) - exact);
        assertTrue(error <= bound, error + " > " + bound);
      }
    }
  }

  /** With all factors 1 the result is the integer product, exactly, even of the extremes. */
  @ParameterizedTest
  @EnumSource(
      value = WeightType.class,
      names = {"Q8_0", "Q4_0", "Q4_1"})
  void extremeIntegersAreExact(WeightType type) {
    int n = 18;
    int k = 608;
    int rows = 5;
    for (int q : new int[] {-127, 127}) {
      for (int bits : new int[] {0x80, 0x7f, 0x00, 0xff}) {
        try (Arena arena = Arena.ofConfined()) {
          Weights w = Segments.matrix(arena, type, n, k, random);
          w.data().fill((byte) bits);
          for (long block = 0; block < w.data().byteSize(); block += type.blockBytes()) {
            Segments.setHalf(w.data(), block, 1);
            if (type.blockHalves() > 1) {
              Segments.setHalf(w.data(), block + 2, 0);
            }
          }
          Quantized x = Segments.quantized(arena, rows * k);
          x.q().fill((byte) q);
          for (int b = 0; b < rows * k / 32; b++) {
            ScalarKernels.setBlock(x, b, 1, 16 * q, 16 * q);
          }
          long exact = 0;
          for (int i = 0; i < k; i++) {
            exact += (long) Segments.integer(w, 0, i) * q;
          }
          Weights packed = Segments.packed(arena, w);
          for (Kernels kernels : new Kernels[] {scalar, vector}) {
            for (float y : Segments.toArray(multiply(kernels, arena, packed, x, rows))) {
              assertEquals((float) exact, y);
              assertEquals(exact, (long) y);
            }
          }
        }
      }
    }
  }

  /** NaN stays in its row; factors near overflow and in the denormals round alike. */
  @ParameterizedTest
  @EnumSource(
      value = WeightType.class,
      names = {"Q8_0", "Q4_0", "Q4_1"})
  void factorsAtTheEnds(WeightType type) {
    int k = 96;
    int rows = 6;
    float[] scales = {1e-38f, Float.MIN_VALUE, 1e33f, 3e34f, 0, Float.NaN};
    try (Arena arena = Arena.ofConfined()) {
      Weights w = Segments.matrix(arena, type, 21, k, random);
      Segments.setHalf(w.data(), 0, 65504);
      Segments.setHalf(w.data(), type.blockBytes(), 0x1p-24f);
      Quantized x = Segments.quantized(arena, rows * k, random);
      for (int m = 0; m < rows; m++) {
        for (int b = 0; b < k / 32; b++) {
          int block = m * (k / 32) + b;
          int sum0 = x.sum().getAtIndex(JAVA_INT, 2L * block);
          int sum1 = x.sum().getAtIndex(JAVA_INT, 2L * block + 1);
          ScalarKernels.setBlock(x, block, b == 1 ? scales[m] : 0.5f, sum0, sum1);
        }
      }
      Weights packed = Segments.packed(arena, w);
      MemorySegment y = multiply(scalar, arena, packed, x, rows);
      Segments.assertSameBits(y, multiply(vector, arena, packed, x, rows), type.name());
      for (int i = 0; i < rows * w.n(); i++) {
        boolean last = i / w.n() == rows - 1;
        assertEquals(last, Float.isNaN(y.getAtIndex(JAVA_FLOAT, i)), "output " + i);
      }
    }
  }

  private static MemorySegment multiply(
      Kernels kernels, Arena arena, Weights w, MemorySegment x, int rows) {
    MemorySegment y = Segments.floats(arena, (long) rows * w.n());
    int groups = Packing.groups(w.n());
    kernels.matMul(w, x, y, rows, 0, groups / 2);
    kernels.matMul(w, x, y, rows, groups / 2, groups);
    return y;
  }

  private static MemorySegment multiply(
      Kernels kernels, Arena arena, Weights w, Quantized x, int rows) {
    MemorySegment y = Segments.floats(arena, (long) rows * w.n());
    int groups = Packing.groups(w.n());
    kernels.matMul(w, x, y, rows, 0, groups / 2);
    kernels.matMul(w, x, y, rows, groups / 2, groups);
    return y;
  }
}
