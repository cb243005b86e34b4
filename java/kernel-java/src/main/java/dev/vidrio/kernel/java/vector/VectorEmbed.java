package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;

import dev.vidrio.kernel.java.memory.Blocks;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.RowBlock;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Embedding lookup with the Vector API. */
final class VectorEmbed {
  private float[] row = {};

  /** Writes a row of the table to y, from float {@code at} on. */
  void row(Weights table, int index, MemorySegment y, long at) {
    int d = table.k();
    if (row.length < d) {
      row = new float[d];
    }
    long from = index * table.type().bytes(d);
    switch (table.type()) {
      case F32 -> Elements.copy(table.data(), (long) index * d, y, at, d);
      case F16, BF16 -> {
        Elements.toFloats(table.type(), table.data(), from, row, d);
        Elements.copy(row, y, at, d);
      }
      default -> {
        for (int i = 0; i < d; i += table.type().subBlock()) {
          subBlock(table.type(), table.data(), from, i);
        }
        Elements.copy(row, y, at, d);
      }
    }
  }

  /** Decodes the sub-block that begins at element {@code first} of a row. */
  private void subBlock(WeightType type, MemorySegment data, long from, int first) {
    int elements = type.blockElements();
    var block = new RowBlock(type, data, from + first / elements * (long) type.blockBytes());
    int begin = first % elements;
    for (int i = 0; i < type.subBlock(); i++) {
      row[first + i] = Blocks.integer(type, block.code(begin + i));
    }
    float scale = Blocks.scale(type, block, begin / type.subBlock());
    if (!type.hasMinima()) {
      for (int i = first; i < first + type.subBlock(); i += LENGTH) {
        FloatVector.fromArray(FLOATS, row, i).mul(scale).intoArray(row, i);
      }
      return;
    }
    FloatVector scales = FloatVector.broadcast(FLOATS, scale);
    float minimum = Blocks.minimum(type, block, begin / type.subBlock());
    FloatVector minima = FloatVector.broadcast(FLOATS, minimum);
    for (int i = first; i < first + type.subBlock(); i += LENGTH) {
      FloatVector.fromArray(FLOATS, row, i).fma(scales, minima).intoArray(row, i);
    }
  }
}
