package dev.vidrio.kernel.java.vector;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector size of this processor: 4, 8 or 16 floats. Kernels process the 16 lanes of
 * docs/numerics.md in 16/{@link #LENGTH} parts, in their outermost loop, so that the compiler sees
 * single vectors and keeps them in registers.
 *
 * <p>The compiler inlines only up to a limit of nodes, and passes vectors to calls that are not
 * inlined through the heap. Therefore the large kernels repeat code instead of calling helpers.
 */
final class Vectors {
  private static final VectorShape SHAPE =
      VectorShape.forBitSize(Math.clamp(VectorShape.preferredShape().vectorBitSize(), 128, 512));
  static final VectorSpecies<Float> FLOATS = VectorSpecies.of(float.class, SHAPE);
  static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, SHAPE);
  static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, SHAPE);
  static final VectorSpecies<Byte> BYTES = VectorSpecies.of(byte.class, SHAPE);

  /** Floats of a vector. */
  static final int LENGTH = FLOATS.length();

  static final ByteOrder ORDER = ByteOrder.nativeOrder();

  /** A species of as many bytes as a vector has floats, at least 8. */
  private static final VectorSpecies<Byte> FEW_BYTES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(LENGTH, 8) * Byte.SIZE));

  /** 1.5 · 2²³: a float of this magnitude has no fraction bits. */
  private static final float ROUNDER = 0x1.8p23f;

  private Vectors() {}

  /** Loads floats from float index i on. */
  static FloatVector load(MemorySegment array, long i) {
    return FloatVector.fromMemorySegment(FLOATS, array, i * Float.BYTES, ORDER);
  }

  /** Stores floats from float index i on. */
  static void store(FloatVector v, MemorySegment array, long i) {
    v.intoMemorySegment(array, i * Float.BYTES, ORDER);
  }

  /**
   * Rounds to the nearest integers, ties to even, for |x| ≤ 2²². Adding {@link #ROUNDER} rounds to
   * an integer, since the sum is in [2²³, 2²⁴), where floats are one apart; the low bits of the sum
   * are the integer.
   */
  static IntVector round(FloatVector x) {
    return x.add(ROUNDER).reinterpretAsInts().sub(Float.floatToRawIntBits(ROUNDER));
  }

  /** Stores the low bytes of ints. */
  static void storeBytes(IntVector v, MemorySegment array, long offset) {
    ByteVector bytes = (ByteVector) v.convertShape(VectorOperators.I2B, FEW_BYTES, 0);
    if (LENGTH >= 8) {
      bytes.intoMemorySegment(array, offset, ORDER);
    } else {
      array.set(JAVA_INT_UNALIGNED, offset, bytes.reinterpretAsInts().lane(0));
    }
  }

  /** Converts ints of magnitude up to 2²⁴ to floats. */
  static FloatVector toFloats(IntVector v) {
    return (FloatVector) v.convertShape(VectorOperators.I2F, FLOATS, 0);
  }
}
