package dev.vidrio.kernel.java;

import static dev.vidrio.kernel.java.Vectors.FLOATS;
import static dev.vidrio.kernel.java.Vectors.LENGTH;

import dev.vidrio.kernel.Packing;
import dev.vidrio.kernel.QuantizedBuffer;
import dev.vidrio.kernel.WeightType;
import dev.vidrio.kernel.Weights;
import dev.vidrio.kernel.Workspace.Quantized;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * matmul of packed weights. Lanes are the 16 rows of a group, and an int lane holds 4 bytes of its
 * row. There is no vector product of bytes in Java: as two shorts, the even and the odd bytes are
 * split off by shifts and multiplied with even and odd activations. Rows of activations go through
 * in tiles, which share the split weights.
 */
final class VectorQuantizedMatMul {
  /** Rows whose activations stay in the second-level cache while the weights pass by. */
  private static final int STRIP = 64;

  private final PairedActivations activations = new PairedActivations();
  private float[] factors = {};
  private final float[] results = new float[PairedActivations.TILE * Packing.ROWS];

  /** Groups [begin, end) of the columns of y. */
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
    long quants = group * Packing.groupBytes(w.type(), w.k());
    int n = activations.blocks() * w.type().blockHalves() * Packing.ROWS;
    if (factors.length < n) {
      factors = new float[n];
    }
    Elements.halvesToFloats(w.data(), quants + Packing.factorOffset(w.type(), w.k()), factors, n);
    for (int row = 0; row < count; row += PairedActivations.tile(row, count)) {
      int rows = PairedActivations.tile(row, count);
      for (int lane = 0; lane < Packing.ROWS; lane += LENGTH) {
        long at = quants + (long) lane * Packing.UNIT;
        if (w.type() == WeightType.Q8_0) {
          eightBit(w.data(), at, row, rows, lane);
        } else {
          fourBit(w, at, row, rows, lane);
        }
      }
      store(w.n(), y, first + row, rows, group * Packing.ROWS);
    }
  }

  private void eightBit(MemorySegment w, long quants, int row, int rows, int lane) {
    if (rows == PairedActivations.TILE) {
      EightBitKernel.tile(w, quants, factors, activations, row, lane, results);
    } else {
      EightBitKernel.single(w, quants, factors, activations, row, lane, results);
    }
  }

  private void fourBit(Weights w, long quants, int row, int rows, int lane) {
    boolean minima = w.type() == WeightType.Q4_1;
    if (rows == PairedActivations.TILE) {
      FourBitKernel.tile(w.data(), quants, factors, minima, activations, row, lane, results);
    } else {
      FourBitKernel.single(w.data(), quants, factors, minima, activations, row, lane, results);
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
