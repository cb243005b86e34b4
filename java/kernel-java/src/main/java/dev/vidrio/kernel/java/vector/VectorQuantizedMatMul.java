package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;

import dev.vidrio.kernel.execution.Workspace.Quantized;
import dev.vidrio.kernel.java.memory.Blocks;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.Set;
import jdk.incubator.vector.FloatVector;

/**
 * The matrix product with packed weights. Lanes are the 16 rows of a group, and an int lane holds 4
 * bytes of its row. Since Java has no vector product of bytes, shifts split the even and the odd
 * bytes into shorts, which multiply even and odd activations. Tiles of activation rows share the
 * split weights. All types share the loops, since a {@link WeightPanel} converts each type to
 * bytes.
 */
final class VectorQuantizedMatMul {
  /** Types with integers too large for {@link NarrowKernel} to add in 16 bits. */
  private static final Set<WeightType> WIDE = EnumSet.noneOf(WeightType.class);

  static {
    for (WeightType type : WeightType.values()) {
      if (type.quantized() && Blocks.maxMagnitude(type) > NarrowKernel.MAX_MAGNITUDE) {
        WIDE.add(type);
      }
    }
  }

  /** Rows of activations that stay in the second-level cache while the weights are streamed. */
  private static final int STRIP = 64;

  private final PairedActivations activations = new PairedActivations();
  private final WeightPanel panel = new WeightPanel();
  private final float[] results = new float[PairedActivations.TILE * Packing.ROWS];

  /** Computes groups [begin, end) of the columns of y. */
  void run(Weights w, Quantized x, MemorySegment y, int rows, int begin, int end) {
    int blocks = w.k() / QuantizedBuffer.BLOCK;
    for (int first = 0; first < rows; first += STRIP) {
      int count = Math.min(STRIP, rows - first);
      activations.read(w.type(), x, blocks, first, count);
      for (int group = begin; group < end; group++) {
        runGroup(w, y, first, count, group);
      }
    }
  }

  private void runGroup(Weights w, MemorySegment y, int first, int count, int group) {
    panel.read(w, group);
    for (int row = 0; row < count; row += PairedActivations.tile(row, count)) {
      int rows = PairedActivations.tile(row, count);
      for (int lane = 0; lane < Packing.ROWS; lane += LENGTH) {
        multiply(w.type(), row, rows, lane);
      }
      store(w.n(), y, first + row, rows, group * Packing.ROWS);
    }
  }

  /** Multiplies a tile, or a single row, by a vector of weight rows. */
  private void multiply(WeightType type, int row, int rows, int lane) {
    boolean wide = WIDE.contains(type);
    if (rows == PairedActivations.TILE) {
      if (wide) {
        WideKernel.tile(type, panel, activations, row, lane, results);
      } else {
        NarrowKernel.tile(type, panel, activations, row, lane, results);
      }
    } else if (wide) {
      WideKernel.single(type, panel, activations, row, lane, results);
    } else {
      NarrowKernel.single(type, panel, activations, row, lane, results);
    }
  }

  /** Stores the results of a tile at y [rows, n]. */
  private void store(int n, MemorySegment y, int row, int rows, int column) {
    int width = Math.min(Packing.ROWS, n - column);
    for (int r = 0; r < rows; r++) {
      long to = (long) (row + r) * n + column;
      int from = r * Packing.ROWS;
      int i = 0;
      for (; i + LENGTH <= width; i += LENGTH) {
        Vectors.store(FloatVector.fromArray(FLOATS, results, from + i), y, to + i);
      }
      for (; i < width; i++) {
        Elements.set(y, to + i, results[from + i]);
      }
    }
  }
}
