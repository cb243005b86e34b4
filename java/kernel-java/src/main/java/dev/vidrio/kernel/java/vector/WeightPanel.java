package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.INTS;
import static dev.vidrio.kernel.java.vector.Vectors.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import dev.vidrio.kernel.java.memory.Blocks;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.Scratch;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import org.jspecify.annotations.Nullable;

/**
 * A group of 16 packed rows in the form that the product loops read for every type: integers as
 * bytes, in units of 16 rows × 4 columns, and the factors of each sub-block as floats.
 */
final class WeightPanel {
  private static final int ROWS = Packing.ROWS;

  /** Units of a step, of 4 columns each. */
  private static final int UNITS = Packing.STEP / Packing.UNIT;

  private final Scratch scratch = new Scratch();
  private MemorySegment integers = MemorySegment.NULL;
  private long offset;
  // [sub-block][scale, minimum][row]
  private float[] factors = {};
  private final BlockFactors blockFactors = new BlockFactors();

  /** Reads a group of the matrix. */
  void read(Weights w, int group) {
    WeightType type = w.type();
    long at = group * Packing.groupBytes(type, w.k());
    if (type == WeightType.Q8_0) {
      integers = w.data();
      offset = at;
    } else {
      integers = scratch.floats((long) w.k() * ROWS / Float.BYTES);
      offset = 0;
      unpack(type, w.data(), at, w.k() / Packing.STEP, table(type), integers);
    }
    readFactors(type, w.data(), at + Packing.factorOffset(type, w.k()), w.k());
  }

  /** Returns the memory of the integers: [unit of 4 columns][row][column], bytes. */
  MemorySegment integers() {
    return integers;
  }

  /** Returns the offset of the first integer. */
  long offset() {
    return offset;
  }

  /** Returns scales [sub-block][row], or [sub-block][scale, minimum][row] for types with minima. */
  float[] factors() {
    return factors;
  }

  /**
   * Returns the integers by code, repeated to fill a vector, or null if they are the codes plus a
   * constant.
   */
  private static @Nullable ByteVector table(WeightType type) {
    if (Blocks.isLinear(type)) {
      return null;
    }
    byte[] table = new byte[Vectors.BYTES.length()];
    for (int i = 0; i < table.length; i++) {
      table[i] = (byte) Blocks.integer(type, i % (1 << type.codeBits()));
    }
    return ByteVector.fromArray(Vectors.BYTES, table, 0);
  }

  /** Writes the integers of {@code steps} steps. */
  private static void unpack(
      WeightType type,
      MemorySegment w,
      long from,
      int steps,
      @Nullable ByteVector table,
      MemorySegment target) {
    int low = type.lowBits();
    int high = type.highBits();
    int lowMask = repeat((1 << low) - 1);
    int highMask = repeat((1 << high) - 1);
    byte zero = (byte) -Blocks.integer(type, 0);
    int vector = Vectors.BYTES.length();
    for (int step = 0; step < steps; step++) {
      long lowPlane = from + (long) step * Packing.stepBytes(type);
      long highPlane = lowPlane + (long) low * Packing.UNIT_BYTES;
      for (int unit = 0; unit < UNITS; unit++) {
        long to = ((long) step * UNITS + unit) * Packing.UNIT_BYTES;
        long lowUnit = lowPlane + unit % low * (long) Packing.UNIT_BYTES;
        long highUnit = highPlane + (high > 0 ? unit % high * Packing.UNIT_BYTES : 0);
        int lowShift = unit / low * low;
        int highShift = high > 0 ? unit / high * high : 0;
        for (int i = 0; i < Packing.UNIT_BYTES; i += vector) {
          IntVector codes = IntVector.fromMemorySegment(INTS, w, lowUnit + i, ORDER);
          codes = codes.lanewise(LSHR, lowShift).and(lowMask);
          if (high > 0) {
            IntVector upper = IntVector.fromMemorySegment(INTS, w, highUnit + i, ORDER);
            codes = codes.or(upper.lanewise(LSHR, highShift).and(highMask).lanewise(LSHL, low));
          }
          ByteVector integers = codes.reinterpretAsBytes();
          integers = table == null ? integers.sub(zero) : integers.selectFrom(table);
          integers.intoMemorySegment(target, to + i, ORDER);
        }
      }
    }
  }

  /** Returns an int with the mask in each byte. */
  private static int repeat(int mask) {
    return mask * 0x01010101;
  }

  private void readFactors(WeightType type, MemorySegment w, long from, int k) {
    int subBlocks = k / type.subBlock();
    int perSubBlock = type.hasMinima() ? 2 : 1;
    if (factors.length < subBlocks * perSubBlock * ROWS) {
      factors = new float[subBlocks * perSubBlock * ROWS];
    }
    if (type.factorBytes() == 0 && type.blockElements() == type.subBlock()) {
      Elements.halvesToFloats(w, from, factors, subBlocks * perSubBlock * ROWS);
      return;
    }
    int perBlock = type.blockElements() / type.subBlock();
    for (int first = 0; first < subBlocks; first += perBlock) {
      blockFactors.read(type, w, from);
      from += Packing.blockFactorBytes(type);
      for (int j = 0; j < perBlock; j++) {
        combine(type, j, (first + j) * perSubBlock * ROWS);
      }
    }
  }

  /** Computes the factors of sub-block j of a block. */
  private void combine(WeightType type, int j, int to) {
    for (int r = 0; r < ROWS; r++) {
      blockFactors.row = r;
      factors[to + r] = Blocks.scale(type, blockFactors, j);
      if (type.hasMinima()) {
        factors[to + ROWS + r] = Blocks.minimum(type, blockFactors, j);
      }
    }
  }

  /** The factors of a block of 16 rows, as seen from the current row. */
  private static final class BlockFactors implements Blocks.Factors {
    private static final int WHOLES = 16;

    private final float[] halves = new float[2 * ROWS];
    // [number][row]
    private final int[] wholes = new int[WHOLES * ROWS];
    int row;

    void read(WeightType type, MemorySegment w, long from) {
      int count = type.halves() * ROWS;
      Elements.halvesToFloats(w, from, halves, count);
      long at = from + (long) count * Short.BYTES;
      if (!type.hasSixBitFactors()) {
        for (int i = 0; i < type.factorBytes() * ROWS; i++) {
          wholes[i] = Byte.toUnsignedInt(w.get(JAVA_BYTE, at + i));
        }
      } else {
        readSixBits(w, at);
      }
    }

    private void readSixBits(MemorySegment w, long at) {
      for (int c = 0; c < WHOLES; c++) {
        long low = at + c / 8 * (long) Packing.UNIT_BYTES;
        long high = at + 2L * Packing.UNIT_BYTES;
        for (int r = 0; r < ROWS; r++) {
          int lower =
              w.get(JAVA_INT_UNALIGNED, low + (long) r * Packing.UNIT) >> (4 * (c % 8)) & 15;
          int upper = w.get(JAVA_INT_UNALIGNED, high + (long) r * Packing.UNIT) >> (2 * c) & 3;
          wholes[c * ROWS + r] = lower | upper << 4;
        }
      }
    }

    @Override
    public float half(int i) {
      return halves[i * ROWS + row];
    }

    @Override
    public int whole(int c) {
      return wholes[c * ROWS + row];
    }
  }
}
