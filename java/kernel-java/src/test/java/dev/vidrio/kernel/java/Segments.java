package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.kernel.execution.Workspace.Quantized;
import dev.vidrio.kernel.java.memory.Packer;
import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.function.DoubleSupplier;

/** Creates arrays and weights for tests. */
final class Segments {
  private Segments() {}

  /** Returns floats drawn from a source. */
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
    return new Quantized(
        arena.allocate(elements),
        arena.allocate(JAVA_FLOAT, elements / 32),
        arena.allocate(JAVA_INT, elements / 16),
        arena.allocate(JAVA_FLOAT, elements / 32));
  }

  /** Returns quantized activations with integers from −127 to 127. */
  static Quantized quantized(Arena arena, int elements, Random random) {
    Quantized x = quantized(arena, elements);
    for (int i = 0; i < elements; i++) {
      int q = random.nextInt(5) == 0 ? 127 * (random.nextInt(3) - 1) : random.nextInt(-127, 128);
      x.q().set(JAVA_BYTE, i, (byte) q);
    }
    for (int b = 0; b < elements / 32; b++) {
      setScale(x, b, random.nextFloat() * 0.1f);
    }
    return x;
  }

  /** Sets the scale of a block, and the sums of its integers. */
  static void setScale(Quantized x, int block, float scale) {
    var sums = new int[2];
    for (int i = 0; i < 32; i++) {
      sums[i / 16] += x.q().get(JAVA_BYTE, block * 32L + i);
    }
    ScalarKernels.setBlock(x, block, scale, sums[0], sums[1]);
  }

  /** Returns a matrix in row layout with random bits: all integers, and factors around 0.01. */
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
      case BF16 -> {
        for (long i = 0; i < (long) n * k; i++) {
          int bits = Float.floatToRawIntBits((float) random.nextGaussian());
          data.setAtIndex(JAVA_SHORT_UNALIGNED, i, (short) (bits >> 16));
        }
      }
      default -> {
        byte[] bytes = new byte[(int) data.byteSize()];
        random.nextBytes(bytes);
        MemorySegment.copy(bytes, 0, data, JAVA_BYTE, 0, bytes.length);
        setFactors(type, data, random);
      }
    }
    return new Weights("w", type, Weights.Layout.ROWS, n, k, data);
  }

  /** Sets factors; in blocks of 256, half-precision factors multiply integers of about 16. */
  private static void setFactors(WeightType type, MemorySegment data, Random random) {
    float magnitude = type.blockElements() == 256 ? 0.01f / 16 : 0.01f;
    for (long block = 0; block < data.byteSize(); block += type.blockBytes()) {
      if (type == WeightType.MXFP4) {
        data.set(JAVA_BYTE, block, (byte) random.nextInt(118, 124));
      }
      for (int half = 0; half < type.halves(); half++) {
        setFactor(type, data, block, half, (float) random.nextGaussian() * magnitude);
      }
    }
  }

  /** Sets a half-precision factor of the block at an offset. */
  static void setFactor(WeightType type, MemorySegment data, long block, int half, float value) {
    if (type != WeightType.IQ1_M) {
      setHalf(data, block + type.halfOffset() + 2L * half, value);
      return;
    }
    int bits = Float.floatToFloat16(value);
    for (int i = 0; i < 4; i++) { // upper nibbles of four scales each
      long at = block + 49 + 2L * i;
      data.set(
          JAVA_BYTE, at, (byte) ((data.get(JAVA_BYTE, at) & 15) | (bits >> (4 * i) & 15) << 4));
    }
  }

  static void setHalf(MemorySegment data, long offset, float value) {
    data.set(JAVA_SHORT_UNALIGNED, offset, Float.floatToFloat16(value));
  }

  static Weights vector(Arena arena, int d, Random random) {
    return matrix(arena, WeightType.F32, 1, d, random);
  }

  /** Returns the matrix in the layout that products need: packed if it is quantized. */
  static Weights packed(Arena arena, Weights w) {
    if (!w.type().quantized()) {
      return w;
    }
    MemorySegment data = arena.allocate(Packing.bytes(w.type(), w.n(), w.k()), 64);
    new Packer(w.type(), w.n(), w.k(), w.data(), data).pack(0, Packing.groups(w.n()));
    return new Weights(w.name(), w.type(), Weights.Layout.PACKED, w.n(), w.k(), data);
  }

  /** Asserts equal bits, where all NaNs are equal. */
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
