package dev.vidrio.kernel.java;

import dev.vidrio.kernel.Packing;
import dev.vidrio.kernel.WeightType;
import java.lang.foreign.MemorySegment;

/** Packs a quantized matrix [n, k] from GGUF's layout into that of {@link Packing}. */
final class Packer {
  private final WeightType type;
  private final int n;
  private final int k;
  private final MemorySegment source;
  private final MemorySegment packed;

  Packer(WeightType type, int n, int k, MemorySegment source, MemorySegment packed) {
    if (packed.byteSize() != Packing.bytes(type, n, k)
        || source.byteSize() != Math.multiplyExact((long) n, type.bytes(k))) {
      throw new IllegalArgumentException("sizes do not fit [" + n + ", " + k + "] of " + type);
    }
    this.type = type;
    this.n = n;
    this.k = k;
    this.source = source;
    this.packed = packed;
  }

  /** Packs groups [begin, end). */
  void pack(int begin, int end) {
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
    int units = type.quantBytes() / Packing.UNIT;
    int halves = type.blockHalves();
    long factors = Packing.factorOffset(type, k);
    long from = row * type.bytes(k);
    for (int b = 0; b < k / type.blockElements(); b++) {
      for (int h = 0; h < halves; h++) {
        long place = ((long) b * halves + h) * Packing.ROWS + r;
        MemorySegment.copy(source, from, target, factors + place * Short.BYTES, Short.BYTES);
        from += Short.BYTES;
      }
      for (int u = 0; u < units; u++) {
        long place = ((long) b * units + u) * Packing.ROWS + r;
        MemorySegment.copy(source, from, target, place * Packing.UNIT, Packing.UNIT);
        from += Packing.UNIT;
      }
    }
  }
}
