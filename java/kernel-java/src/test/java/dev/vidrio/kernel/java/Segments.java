package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.kernel.Packing;
import dev.vidrio.kernel.WeightType;
import dev.vidrio.kernel.Weights;
import dev.vidrio.kernel.Workspace.Quantized;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.function.DoubleSupplier;

/** Arrays and weights for tests. */
final class Segments {
  private Segments() {}

  /** Floats drawn from a source. */
  static MemorySegment floats(Arena arena, long count, DoubleSupplier source) {
    MemorySegment segment = arena.allocate(JAVA_FLOAT, count);
    for (long i = 0; i < count; i++) {
      segment.setAtIndex(JAVA_FLOAT, i, (float) source.getAsDouble());
    }
    return segment;
  }

  static MemorySegment floats(Arena arena, float... values) {
    return arena.allocateFrom(JAVA_FLOAT, values);
  }

  static MemorySegment floats(Arena arena, long count) {
    return arena.allocate(JAVA_FLOAT, count);
  }

  static float[] toArray(MemorySegment segment) {
    return segment.toArray(JAVA_FLOAT);
  }

  static Quantized quantized(Arena arena, int elements) {
    int blocks = elements / 32;
    return new Quantized(
        arena.allocate(elements),
        arena.allocate(JAVA_FLOAT, blocks),
        arena.allocate(JAVA_INT, 2L * blocks),
        arena.allocate(JAVA_FLOAT, blocks));
  }

  /** Activations with every integer from −127 to 127, as quantize makes them. */
  static Quantized quantized(Arena arena, int elements, Random random) {
    Quantized x = quantized(arena, elements);
    for (int b = 0; b < elements / 32; b++) {
      var sums = new int[2];
      for (int i = 0; i < 32; i++) {
        int q = random.nextInt(5) == 0 ? 127 * (random.nextInt(3) - 1) : random.nextInt(-127, 128);
        x.q().set(JAVA_BYTE, b * 32 + i, (byte) q);
        sums[i / 16] += q;
      }
      ScalarKernels.setBlock(x, b, random.nextFloat() * 0.1f, sums[0], sums[1]);
    }
    return x;
  }

  /** A matrix in rows with random bits: every integer, and factors of a magnitude around 0.01. */
  static Weights matrix(Arena arena, WeightType type, int n, int k, Random random) {
    MemorySegment data = arena.allocate(n * type.bytes(k));
    switch (type) {
      case F32 -> {
        for (int i = 0; i < n * k; i++) {
          data.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
        }
      }
      case F16 -> {
        for (long i = 0; i < (long) n * k; i++) {
          setHalf(data, 2 * i, (float) random.nextGaussian());
        }
      }
      case Q8_0, Q4_0, Q4_1 -> {
        byte[] bytes = new byte[(int) data.byteSize()];
        random.nextBytes(bytes);
        MemorySegment.copy(bytes, 0, data, JAVA_BYTE, 0, bytes.length);
        for (long block = 0; block < data.byteSize(); block += type.blockBytes()) {
          for (int half = 0; half < type.blockHalves(); half++) {
            setHalf(data, block + 2L * half, (float) random.nextGaussian() * 0.01f);
          }
        }
      }
    }
    return new Weights("w", type, Weights.Layout.ROWS, n, k, data);
  }

  static void setHalf(MemorySegment data, long offset, float value) {
    data.set(JAVA_SHORT_UNALIGNED, offset, Float.floatToFloat16(value));
  }

  static Weights vector(Arena arena, int d, Random random) {
    return matrix(arena, WeightType.F32, 1, d, random);
  }

  /** The matrix as a product takes it: packed if it is quantized. */
  static Weights packed(Arena arena, Weights w) {
    if (!w.type().quantized()) {
      return w;
    }
    MemorySegment data = arena.allocate(Packing.bytes(w.type(), w.n(), w.k()), 64);
    new Packer(w.type(), w.n(), w.k(), w.data(), data).pack(0, Packing.groups(w.n()));
    return new Weights(w.name(), w.type(), Weights.Layout.PACKED, w.n(), w.k(), data);
  }

  /** The value of an element of a matrix in rows, in double. */
  static double element(Weights w, int row, int k) {
    MemorySegment data = w.data();
    long index = (long) row * w.k() + k;
    if (w.type() == WeightType.F32) {
      return data.getAtIndex(JAVA_FLOAT, index);
    }
    if (w.type() == WeightType.F16) {
      return half(data, 2 * index);
    }
    return integer(w, row, k) * scale(w, row, k) + minimum(w, row, k);
  }

  /** The integer of an element of a quantized matrix in rows. */
  static int integer(Weights w, int row, int k) {
    long quants = block(w, row, k) + 2L * w.type().blockHalves();
    int i = k % 32;
    if (w.type() == WeightType.Q8_0) {
      return w.data().get(JAVA_BYTE, quants + i);
    }
    int both = Byte.toUnsignedInt(w.data().get(JAVA_BYTE, quants + i % 16));
    int nibble = i < 16 ? both % 16 : both / 16;
    return w.type() == WeightType.Q4_0 ? nibble - 8 : nibble;
  }

  static float scale(Weights w, int row, int k) {
    return half(w.data(), block(w, row, k));
  }

  static float minimum(Weights w, int row, int k) {
    return w.type() == WeightType.Q4_1 ? half(w.data(), block(w, row, k) + 2) : 0;
  }

  private static long block(Weights w, int row, int k) {
    return ((long) row * w.k() + k) / 32 * w.type().blockBytes();
  }

  private static float half(MemorySegment data, long offset) {
    return Float.float16ToFloat(data.get(JAVA_SHORT_UNALIGNED, offset));
  }

  /** Equal bits, but that any NaN equals any other. */
  static void assertSameBits(MemorySegment expected, MemorySegment actual, String what) {
    assertEquals(expected.byteSize(), actual.byteSize(), what);
    int[] e = bits(expected);
    int[] a = bits(actual);
    assertArrayEquals(e, a, what);
  }

  private static int[] bits(MemorySegment segment) {
    float[] values = toArray(segment);
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToIntBits(values[i]);
    }
    return bits;
  }
}
