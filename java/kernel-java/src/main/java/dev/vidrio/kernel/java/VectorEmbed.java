package dev.vidrio.kernel.java;

import static dev.vidrio.kernel.java.Vectors.FLOATS;
import static dev.vidrio.kernel.java.Vectors.LENGTH;

import dev.vidrio.kernel.QuantizedBuffer;
import dev.vidrio.kernel.WeightType;
import dev.vidrio.kernel.Weights;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** embed: rows of a table as floats. */
final class VectorEmbed {
  private static final int BLOCK = QuantizedBuffer.BLOCK;

  private float[] row = {};

  /** Writes a row of the table to y, from float {@code at} on. */
  void row(Weights table, int index, MemorySegment y, long at) {
    int d = table.k();
    long from = index * table.type().bytes(d);
    switch (table.type()) {
      case F32 -> Elements.copy(table.data(), (long) index * d, y, at, d);
      case F16 -> halves(table.data(), from, y, at, d);
      case Q8_0 -> eightBit(table.data(), from, y, at, d);
      case Q4_0 -> fourBit(table.data(), from, y, at, d);
      case Q4_1 -> fourBitWithMinimum(table.data(), from, y, at, d);
    }
  }

  private void halves(MemorySegment table, long from, MemorySegment y, long at, int d) {
    if (row.length < d) {
      row = new float[d];
    }
    Elements.halvesToFloats(table, from, row, d);
    Elements.copy(row, y, at, d);
  }

  private static void eightBit(MemorySegment table, long from, MemorySegment y, long at, int d) {
    for (int i = 0; i < d; i += BLOCK) {
      long block = from + i / BLOCK * (long) WeightType.Q8_0.blockBytes();
      float scale = Elements.half(table, block);
      for (int j = 0; j < BLOCK; j += LENGTH) {
        FloatVector q = Vectors.toFloats(Vectors.loadBytes(table, block + Short.BYTES + j));
        Vectors.store(q.mul(scale), y, at + i + j);
      }
    }
  }

  private static void fourBit(MemorySegment table, long from, MemorySegment y, long at, int d) {
    for (int i = 0; i < d; i += BLOCK) {
      long block = from + i / BLOCK * (long) WeightType.Q4_0.blockBytes();
      float scale = Elements.half(table, block);
      for (int j = 0; j < BLOCK / 2; j += LENGTH) {
        IntVector q = Vectors.loadBytes(table, block + Short.BYTES + j);
        FloatVector low = Vectors.toFloats(q.and(15).sub(8));
        FloatVector high = Vectors.toFloats(q.lanewise(VectorOperators.ASHR, 4).and(15).sub(8));
        Vectors.store(low.mul(scale), y, at + i + j);
        Vectors.store(high.mul(scale), y, at + i + BLOCK / 2 + j);
      }
    }
  }

  private static void fourBitWithMinimum(
      MemorySegment table, long from, MemorySegment y, long at, int d) {
    for (int i = 0; i < d; i += BLOCK) {
      long block = from + i / BLOCK * (long) WeightType.Q4_1.blockBytes();
      FloatVector scale = FloatVector.broadcast(FLOATS, Elements.half(table, block));
      FloatVector minimum =
          FloatVector.broadcast(FLOATS, Elements.half(table, block + Short.BYTES));
      for (int j = 0; j < BLOCK / 2; j += LENGTH) {
        IntVector q = Vectors.loadBytes(table, block + 2 * Short.BYTES + j);
        FloatVector low = Vectors.toFloats(q.and(15));
        FloatVector high = Vectors.toFloats(q.lanewise(VectorOperators.ASHR, 4).and(15));
        Vectors.store(low.fma(scale, minimum), y, at + i + j);
        Vectors.store(high.fma(scale, minimum), y, at + i + BLOCK / 2 + j);
      }
    }
  }
}
