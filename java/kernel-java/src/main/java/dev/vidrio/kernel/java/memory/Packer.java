package dev.vidrio.kernel.java.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.MemorySegment;

/**
 * Converts a quantized matrix [n, k] from GGUF's layout to that of {@link Packing}.
 *
 * @param packed receives the packed matrix
 */
public record Packer(WeightType type, int n, int k, MemorySegment source, MemorySegment packed) {
  public Packer {
    if (packed.byteSize() != Packing.bytes(type, n, k)
        || source.byteSize() != Math.multiplyExact((long) n, type.bytes(k))) {
      throw new IllegalArgumentException("sizes do not match [" + n + ", " + k + "] of " + type);
    }
  }

  /** Packs groups [begin, end). */
  public void pack(int begin, int end) {
    long groupBytes = Packing.groupBytes(type, k);
    for (int group = begin; group < end; group++) {
      MemorySegment target = packed.asSlice(group * groupBytes, groupBytes).fill((byte) 0);
      int rows = Math.min(Packing.ROWS, n - group * Packing.ROWS);
      for (int r = 0; r < rows; r++) {
        packRow(group * Packing.ROWS + r, target);
      }
    }
  }

  private void packRow(int row, MemorySegment target) {
    int r = row % Packing.ROWS;
    long from = row * type.bytes(k);
    for (int b = 0; b < k / type.blockElements(); b++) {
      var block = new RowBlock(type, source, from + (long) b * type.blockBytes());
      packFactors(block, target, b, r);
      for (int i = 0; i < type.blockElements(); i += Packing.STEP) {
        packStep(block, i, target, (b * type.blockElements() + i) / Packing.STEP, r);
      }
    }
  }

  /** Packs the codes of a step, which begins at element {@code first} of its block. */
  private void packStep(RowBlock block, int first, MemorySegment target, int step, int r) {
    int low = type.lowBits();
    int high = type.highBits();
    byte[] bytes = new byte[Packing.UNIT * type.codeBits()];
    for (int i = 0; i < Packing.STEP; i++) {
      int code = block.code(first + i);
      set(bytes, 0, low, i, code & (1 << low) - 1);
      if (high > 0) {
        set(bytes, Packing.UNIT * low, high, i, code >> low);
      }
    }
    long at = (long) step * Packing.stepBytes(type) + (long) r * Packing.UNIT;
    for (int unit = 0; unit < type.codeBits(); unit++) {
      MemorySegment.copy(
          bytes,
          unit * Packing.UNIT,
          target,
          JAVA_BYTE,
          at + (long) unit * Packing.UNIT_BYTES,
          Packing.UNIT);
    }
  }

  /**
   * Sets the {@code width} bits of element i of a step, in the plane that begins at {@code start}.
   */
  private static void set(byte[] bytes, int start, int width, int i, int bits) {
    int run = Packing.UNIT * width;
    bytes[start + i % run] |= (byte) (bits << (i / run * width));
  }

  private void packFactors(RowBlock block, MemorySegment target, int b, int r) {
    long at = Packing.factorOffset(type, k) + (long) b * Packing.blockFactorBytes(type);
    for (int h = 0; h < type.halves(); h++) {
      target.set(JAVA_SHORT_UNALIGNED, at + (long) r * Short.BYTES, block.halfBits(h));
      at += Packing.ROWS * Short.BYTES;
    }
    if (!type.hasSixBitFactors()) {
      for (int i = 0; i < type.factorBytes(); i++) {
        target.set(JAVA_BYTE, at + (long) i * Packing.ROWS + r, (byte) block.whole(i));
      }
    } else {
      packSixBits(block, target, at + (long) r * Packing.UNIT);
    }
  }

  private static void packSixBits(RowBlock block, MemorySegment target, long at) {
    int[] words = new int[3];
    for (int c = 0; c < 16; c++) {
      words[c / 8] |= (block.whole(c) & 15) << (4 * (c % 8));
      words[2] |= block.whole(c) >> 4 << (2 * c);
    }
    for (int i = 0; i < words.length; i++) {
      target.set(JAVA_INT_UNALIGNED, at + (long) i * Packing.UNIT_BYTES, words[i]);
    }
  }
}
