package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.execution.Workspace.Quantized;
import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.java.vector.VectorKernels;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MatMulTest {
  /** Half a unit in the last place of 1: the maximum relative error of a rounding. */
  private static final double U = 0x1p-24;

  private static final int[] ROWS = {1, 2, 3, 4, 5, 9, 66};
  private static final int[] OUTPUTS = {1, 5, 16, 31, 67};

  private final ScalarKernels scalar = new ScalarKernels();
  private final ScalarKernels vector = new VectorKernels();
  private final Random random = new Random(7);

  @ParameterizedTest
  @EnumSource(
      value = WeightType.class,
      names = {"F32", "F16", "BF16"})
  void matMul_floatWeights(WeightType type) {
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
    var decoded = new Decoded(w);
    for (int m = 0; m < rows; m++) {
      for (int n = 0; n < w.n(); n++) {
        double exact = 0;
        double magnitude = 0;
        for (int k = 0; k < w.k(); k++) {
          double product = x.getAtIndex(JAVA_FLOAT, (long) m * w.k() + k) * decoded.element(n, k);
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
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F32", "F16", "BF16"})
  void matMul_quantizedWeights(WeightType type) {
    int step = type.blockElements();
    for (int k = step; k <= Math.max(608, 3 * step); k += Math.max(64, step)) {
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

  /** A sub-block rounds its scale, and the running sum once or twice. */
  private static void assertNear(Weights w, Quantized x, MemorySegment y, int rows) {
    var decoded = new Decoded(w);
    int subBlock = w.type().subBlock();
    for (int m = 0; m < rows; m++) {
      for (int n = 0; n < w.n(); n++) {
        double exact = 0;
        double magnitude = 0;
        for (int k = 0; k < w.k(); k += subBlock) {
          long at = (long) m * w.k() + k;
          int of = n * w.k() + k;
          long dot = 0;
          long sum = 0;
          for (int i = 0; i < subBlock; i++) {
            int q = x.q().get(JAVA_BYTE, at + i);
            dot += (long) decoded.integers[of + i] * q;
            sum += q;
          }
          double scale = x.scale().getAtIndex(JAVA_FLOAT, at / 32);
          double product = decoded.scales[of] * scale * dot;
          double offset = decoded.minima[of] * scale * sum;
          exact += product + offset;
          magnitude += Math.abs(product) + Math.abs(offset);
        }
        double bound = (2.0 * w.k() / subBlock + 1) * U * magnitude;
        double error = Math.abs(y.getAtIndex(JAVA_FLOAT, (long) m * w.n() + n) - exact);
        assertTrue(error <= bound, w.type() + ": " + error + " > " + bound);
      }
    }
  }

  /** With factors that are powers of two, the result is the exact integer product. */
  @ParameterizedTest
  @EnumSource(
      value = WeightType.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F32", "F16", "BF16"})
  void matMul_extremeIntegers_exact(WeightType type) {
    int n = 18;
    int k = type.blockElements() * 2;
    int rows = 5;
    for (int q : new int[] {-127, 127}) {
      for (int bits : new int[] {0x80, 0x7f, 0x00, 0xff}) {
        try (Arena arena = Arena.ofConfined()) {
          Weights w = Segments.matrix(arena, type, n, k, random);
          w.data().fill((byte) bits);
          for (long block = 0; block < w.data().byteSize(); block += type.blockBytes()) {
            if (type == WeightType.MXFP4) {
              w.data().set(JAVA_BYTE, block, (byte) 128);
            }
            for (int half = 0; half < type.halves(); half++) {
              Segments.setFactor(type, w.data(), block, half, half == 0 ? 1 : 0);
            }
          }
          Quantized x = Segments.quantized(arena, rows * k);
          x.q().fill((byte) q);
          for (int b = 0; b < rows * k / 32; b++) {
            Segments.setScale(x, b, 1);
          }
          var decoded = new Decoded(w);
          double exact = 0;
          for (int i = 0; i < k; i++) {
            exact += decoded.element(0, i) * q;
          }
          Weights packed = Segments.packed(arena, w);
          for (ScalarKernels kernels : new ScalarKernels[] {scalar, vector}) {
            for (float y : Segments.toArray(multiply(kernels, arena, packed, x, rows))) {
              assertEquals(exact, y);
            }
          }
        }
      }
    }
  }

  /** NaN does not leave its row; factors near overflow and denormal factors round equally. */
  @ParameterizedTest
  @EnumSource(
      value = WeightType.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F32", "F16", "BF16"})
  void matMul_extremeFactors_equalBits(WeightType type) {
    int k = 3 * type.blockElements();
    int rows = 6;
    float[] scales = {1e-38f, Float.MIN_VALUE, 1e33f, 3e34f, 0, Float.NaN};
    try (Arena arena = Arena.ofConfined()) {
      Weights w = Segments.matrix(arena, type, 21, k, random);
      if (type.halves() > 0) {
        Segments.setFactor(type, w.data(), 0, 0, 65504 / 64f);
        Segments.setFactor(type, w.data(), type.blockBytes(), 0, 0x1p-24f);
      } else {
        w.data().set(JAVA_BYTE, 0, (byte) 143);
        w.data().set(JAVA_BYTE, type.blockBytes(), (byte) 0);
      }
      Quantized x = Segments.quantized(arena, rows * k, random);
      for (int b = 0; b < rows * k / 32; b++) {
        Segments.setScale(x, b, b % (k / 32) == 1 ? scales[b / (k / 32)] : 0.5f);
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

  /** Compares with the definition, computed from the weights in the layout of the file. */
  @ParameterizedTest
  @EnumSource
  void matMulBf16_equalsDefinition(WeightType type) {
    int step = type.quantized() ? type.blockElements() : 37;
    for (int rows : new int[] {1, 3, 4, 9}) {
      for (float factor : new float[] {1, 0x1p-50f, 0x1p-130f}) {
        try (Arena arena = Arena.ofConfined()) {
          int k = step * (1 + random.nextInt(3));
          Weights w =
              Segments.matrix(arena, type, OUTPUTS[random.nextInt(OUTPUTS.length)], k, random);
          MemorySegment x =
              Segments.floats(arena, (long) rows * k, () -> factor * random.nextGaussian());
          Weights packed = type.quantized() ? Segments.packed(arena, w) : w;
          MemorySegment expected = bf16Product(arena, w, x, rows);
          for (ScalarKernels kernels : new ScalarKernels[] {scalar, vector}) {
            MemorySegment y = Segments.floats(arena, (long) rows * w.n());
            int groups = Packing.groups(w.n());
            kernels.matMulBf16(packed, x, y, rows, 0, groups / 2);
            kernels.matMulBf16(packed, x, y, rows, groups / 2, groups);
            Segments.assertSameBits(expected, y, type + " " + k + " " + rows);
          }
        }
      }
    }
  }

  private static MemorySegment bf16Product(Arena arena, Weights w, MemorySegment x, int rows) {
    var decoded = new Decoded(w);
    MemorySegment y = Segments.floats(arena, (long) rows * w.n());
    for (int m = 0; m < rows; m++) {
      for (int n = 0; n < w.n(); n++) {
        float acc = 0;
        for (int block = 0; block < w.k(); block += 32) {
          float[] chains = new float[2];
          for (int k = block; k < Math.min(block + 32, w.k()); k++) {
            float a = bf16(x.getAtIndex(JAVA_FLOAT, (long) m * w.k() + k));
            float b = bf16((float) decoded.element(n, k));
            chains[k % 2] = Math.fma(a, b, chains[k % 2]);
          }
          acc += chains[0] + chains[1];
        }
        y.setAtIndex(JAVA_FLOAT, (long) m * w.n() + n, acc);
      }
    }
    return y;
  }

  /** Rounds to 8 significant bits, and to 0 below 2⁻⁵⁰. */
  private static float bf16(float value) {
    if (value == 0) {
      return 0;
    }
    double unit = Math.scalb(1.0, Math.getExponent((double) value) - 7);
    double rounded = Math.rint(value / unit) * unit;
    return Math.abs(rounded) < 0x1p-50 ? 0 : (float) rounded;
  }

  @Test
  void matMulBf16_nan_staysInItsRow() {
    try (Arena arena = Arena.ofConfined()) {
      int k = 40;
      Weights w = Segments.matrix(arena, WeightType.F32, 20, k, random);
      MemorySegment x = Segments.floats(arena, 5L * k, random::nextGaussian);
      x.setAtIndex(JAVA_FLOAT, 3L * k + 7, Float.intBitsToFloat(0x7fffffff));
      for (ScalarKernels kernels : new ScalarKernels[] {scalar, vector}) {
        MemorySegment y = Segments.floats(arena, 5L * w.n());
        kernels.matMulBf16(w, x, y, 5, 0, Packing.groups(w.n()));
        for (int i = 0; i < 5 * w.n(); i++) {
          assertEquals(i / w.n() == 3, Float.isNaN(y.getAtIndex(JAVA_FLOAT, i)), "output " + i);
        }
      }
    }
  }

  private static MemorySegment multiply(
      ScalarKernels kernels, Arena arena, Weights w, MemorySegment x, int rows) {
    MemorySegment y = Segments.floats(arena, (long) rows * w.n());
    int groups = Packing.groups(w.n());
    kernels.matMul(w, x, y, rows, 0, groups / 2);
    kernels.matMul(w, x, y, rows, groups / 2, groups);
    return y;
  }

  private static MemorySegment multiply(
      ScalarKernels kernels, Arena arena, Weights w, Quantized x, int rows) {
    MemorySegment y = Segments.floats(arena, (long) rows * w.n());
    int groups = Packing.groups(w.n());
    kernels.matMul(w, x, y, rows, 0, groups / 2);
    kernels.matMul(w, x, y, rows, groups / 2, groups);
    return y;
  }
}
