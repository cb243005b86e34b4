package dev.vidrio.kernel.java.vector;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.vidrio.kernel.execution.Workspace.Quantized;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.scalar.ScalarMatMul;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.MemorySegment;

/**
 * Quantized activations in the order in which the kernels of packed weights read them. Of 4
 * adjacent integers, a quad, the two even and the two odd ones become pairs of shorts, each pair in
 * an int. Rows form tiles of {@value #TILE}; remaining rows form tiles of one.
 */
final class PairedActivations {
  /** Rows of a tile. */
  static final int TILE = 4;

  /** Quads of a block. */
  static final int QUADS = QuantizedBuffer.BLOCK / Packing.UNIT;

  // [tile][block][row][even, odd][quad]
  private int[] pairs = {};
  // [tile][block][row]
  private float[] scales = {};
  // [tile][sub-block][row]
  private float[] sums = {};
  private int blocks;

  /** Reads rows [first, first + count) of x, each of {@code blocks} blocks. */
  void read(WeightType type, Quantized x, int blocks, int first, int count) {
    this.blocks = blocks;
    if (scales.length < count * blocks) {
      pairs = new int[count * blocks * QUADS * 2];
      scales = new float[count * blocks];
    }
    int subBlocks = blocks * (QuantizedBuffer.BLOCK / type.subBlock());
    if (type.hasMinima() && sums.length < count * subBlocks) {
      sums = new float[count * subBlocks];
    }
    for (int row = 0; row < count; row += tile(row, count)) {
      int rows = tile(row, count);
      for (int r = 0; r < rows; r++) {
        int to = row * blocks + r;
        long from = (long) (first + row + r) * blocks;
        readPairs(x.q(), from, to, rows);
        readScales(x, from, to, rows);
        if (type.hasMinima()) {
          readSums(type.subBlock(), x, from, row * subBlocks + r, rows);
        }
      }
    }
  }

  /** Returns the rows of the tile that begins at {@code row} of {@code count}. */
  static int tile(int row, int count) {
    return row + TILE <= count ? TILE : 1;
  }

  private void readPairs(MemorySegment q, long from, int to, int stride) {
    int[] pairs = this.pairs;
    for (int b = 0; b < blocks; b++) {
      long block = (from + b) * QuantizedBuffer.BLOCK;
      int at = (to + b * stride) * QUADS * 2;
      for (int i = 0; i < QUADS; i++) {
        int quad = q.get(JAVA_INT_UNALIGNED, block + (long) i * Packing.UNIT);
        pairs[at + i] = ((byte) quad & 0xffff) | ((byte) (quad >> 16) << 16);
        pairs[at + QUADS + i] = ((byte) (quad >> 8) & 0xffff) | (quad >> 24 << 16);
      }
    }
  }

  private void readScales(Quantized x, long from, int to, int stride) {
    for (int b = 0; b < blocks; b++) {
      scales[to + b * stride] = Elements.get(x.scale(), from + b);
    }
  }

  private void readSums(int subBlock, Quantized x, long from, int to, int stride) {
    int count = blocks * (QuantizedBuffer.BLOCK / subBlock);
    for (int j = 0; j < count; j++) {
      long at = from * QuantizedBuffer.BLOCK + (long) j * subBlock;
      sums[to + j * stride] = ScalarMatMul.scaledSum(x, at, subBlock);
    }
  }

  /** Returns the blocks of a row. */
  int blocks() {
    return blocks;
  }

  /**
   * Returns [tile][block][row of the tile][even, odd][quad]; row i begins at i · blocks · 2 ·
   * QUADS.
   */
  int[] pairs() {
    return pairs;
  }

  /** Returns the scales [tile][block][row of the tile]. */
  float[] scales() {
    return scales;
  }

  /** Returns scale · sum [tile][sub-block][row of the tile], for types with minima. */
  float[] sums() {
    return sums;
  }
}
