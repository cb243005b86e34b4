package dev.vidrio.kernel.java.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;

/** A row of a packed matrix, in the layout of {@link Packing}. */
public final class PackedRow {
  private final WeightType type;
  private final MemorySegment data;
  private final long group;
  private final long factors;
  private final int r;

  public PackedRow(Weights w, int n) {
    this.type = w.type();
    this.data = w.data();
    this.group = n / Packing.ROWS * Packing.groupBytes(type, w.k());
    this.factors = group + Packing.factorOffset(type, w.k());
    this.r = n % Packing.ROWS;
  }

  /** Returns the integer of element k. */
  public int integer(int k) {
    long step = group + (long) (k / Packing.STEP) * Packing.stepBytes(type);
    int i = k % Packing.STEP;
    int code = bits(step, type.lowBits(), i);
    if (type.highBits() > 0) {
      long high = step + (long) type.lowBits() * Packing.UNIT_BYTES;
      code |= bits(high, type.highBits(), i) << type.lowBits();
    }
    return Blocks.integer(type, code);
  }

  /** Returns the {@code width} bits of element i of a step in a plane. */
  private int bits(long plane, int width, int i) {
    int run = Packing.UNIT * width;
    int j = i % run;
    int unit = j / Packing.UNIT;
    long at = plane + (unit * Packing.ROWS + r) * (long) Packing.UNIT + j % Packing.UNIT;
    return Byte.toUnsignedInt(data.get(JAVA_BYTE, at)) >> (i / run * width) & (1 << width) - 1;
  }

  /** Returns the scale of element k. */
  public float scale(int k) {
    return Blocks.scale(type, factors(k), k % type.blockElements() / type.subBlock());
  }

  /** Returns the minimum of element k. */
  public float minimum(int k) {
    return Blocks.minimum(type, factors(k), k % type.blockElements() / type.subBlock());
  }

  private Blocks.Factors factors(int k) {
    long block = factors + k / type.blockElements() * (long) Packing.blockFactorBytes(type);
    long wholes = block + Packing.ROWS * (long) Short.BYTES * type.halves();
    return new Blocks.Factors() {
      @Override
      public float half(int i) {
        return Elements.half(data, block + (i * Packing.ROWS + r) * (long) Short.BYTES);
      }

      @Override
      public int whole(int c) {
        return type.hasSixBitFactors()
            ? (word(c / 8) >> (4 * (c % 8)) & 15) | (word(2) >> (2 * c) & 3) << 4
            : Byte.toUnsignedInt(data.get(JAVA_BYTE, wholes + (long) c * Packing.ROWS + r));
      }

      private int word(int i) {
        return data.get(JAVA_INT_UNALIGNED, wholes + (i * Packing.ROWS + r) * (long) Packing.UNIT);
      }
    };
  }
}
