package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.Scratch;
import dev.vidrio.kernel.java.scalar.LaneSum;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The matrix product with floating-point weights in row layout. Lanes are elements of a row, and a
 * tile is 4 weight rows by 4 rows of x. Elements of 16 bits are converted to floats once per group
 * of 16 weight rows.
 */
final class VectorFloatMatMul {
  private static final int TILE_N = 4;
  private static final int TILE_M = 4;
  private static final int LANES = LaneSum.LANES;
  private static final int GROUP = Packing.ROWS;

  /** Rows of x that stay in the second-level cache while the weights are streamed. */
  private static final int STRIP = 64;

  private final Scratch scratch = new Scratch();
  private float[] row = {};
  // [row of x][weight row][lane]
  private final float[] lanes = new float[TILE_M * TILE_N * LANES];
  private final long[] weightRows = new long[TILE_N];
  // [row of the strip][column of the group]
  private final float[] results = new float[STRIP * GROUP];

  /** Computes groups [begin, end) of the columns of y. */
  void run(Weights w, MemorySegment x, MemorySegment y, int rows, int begin, int end) {
    for (int m = 0; m < rows; m += STRIP) {
      int last = Math.min(m + STRIP, rows);
      for (int n = begin * GROUP; n < Math.min(end * GROUP, w.n()); n += GROUP) {
        int count = Math.min(GROUP, w.n() - n);
        if (w.type() == WeightType.F32) {
          runGroup(w.data(), n, x, m, last, w.k(), count);
        } else {
          runGroup(convert(w, n, count), 0, x, m, last, w.k(), count);
        }
        store(y, w.n(), n, m, last, count);
      }
    }
  }

  /** Returns weight rows [first, first + count) as floats. */
  private MemorySegment convert(Weights w, int first, int count) {
    MemorySegment panel = scratch.floats((long) GROUP * w.k());
    if (row.length < w.k()) {
      row = new float[w.k()];
    }
    for (int i = 0; i < count; i++) {
      long from = (long) (first + i) * w.k() * Short.BYTES;
      Elements.toFloats(w.type(), w.data(), from, row, w.k());
      Elements.copy(row, panel, (long) i * w.k(), w.k());
    }
    return panel;
  }

  /** Multiplies {@code count} weight rows from {@code row} on by rows [m, last) of x. */
  private void runGroup(
      MemorySegment w, int row, MemorySegment x, int m, int last, int k, int count) {
    for (int n = 0; n < count; n += TILE_N) {
      for (int i = 0; i < TILE_N; i++) {
        // A tile of fewer weight rows repeats the last one of the group.
        weightRows[i] = (long) (row + Math.min(n + i, count - 1)) * k;
      }
      int rows;
      for (int i = m; i < last; i += rows) {
        rows = i + TILE_M <= last ? TILE_M : 1;
        for (int lane = 0; lane < LANES; lane += LENGTH) {
          if (rows == TILE_M) {
            tile(w, x, (long) i * k, k, lane);
          } else {
            single(w, x, (long) i * k, k, lane);
          }
        }
        for (int j = 0; j < rows * TILE_N; j++) {
          long xRow = (long) (i + j / TILE_N) * k;
          results[(i - m) * GROUP + j / TILE_N * GROUP + n + j % TILE_N] =
              finish(w, weightRows[j % TILE_N], x, xRow, k, j * LANES);
        }
      }
    }
  }

  /** Stores the results of rows [m, last) at columns [n, n + count) of y. */
  private void store(MemorySegment y, int width, int n, int m, int last, int count) {
    for (int i = m; i < last; i++) {
      MemorySegment.copy(
          results,
          (i - m) * GROUP,
          y,
          JAVA_FLOAT_UNALIGNED,
          ((long) i * width + n) * Float.BYTES,
          count);
    }
  }

  /** Adds the last k mod 16 products and merges the lanes. */
  private float finish(MemorySegment w, long wRow, MemorySegment x, long xRow, int k, int at) {
    for (int i = k / LANES * LANES; i < k; i++) {
      int lane = at + i % LANES;
      lanes[lane] = Math.fma(Elements.get(x, xRow + i), Elements.get(w, wRow + i), lanes[lane]);
    }
    return VectorLanes.merge(lanes, at);
  }

  /** Computes lanes [lane, lane + LENGTH) of the sums of 4 weight rows by 4 rows of x. */
  private void tile(MemorySegment w, MemorySegment x, long x0, int k, int lane) {
    long w0 = weightRows[0];
    long w1 = weightRows[1];
    long w2 = weightRows[2];
    long w3 = weightRows[3];
    long x1 = x0 + k;
    long x2 = x1 + k;
    long x3 = x2 + k;
    FloatVector sum00 = FloatVector.zero(FLOATS);
    FloatVector sum01 = FloatVector.zero(FLOATS);
    FloatVector sum02 = FloatVector.zero(FLOATS);
    FloatVector sum03 = FloatVector.zero(FLOATS);
    FloatVector sum10 = FloatVector.zero(FLOATS);
    FloatVector sum11 = FloatVector.zero(FLOATS);
    FloatVector sum12 = FloatVector.zero(FLOATS);
    FloatVector sum13 = FloatVector.zero(FLOATS);
    FloatVector sum20 = FloatVector.zero(FLOATS);
    FloatVector sum21 = FloatVector.zero(FLOATS);
    FloatVector sum22 = FloatVector.zero(FLOATS);
    FloatVector sum23 = FloatVector.zero(FLOATS);
    FloatVector sum30 = FloatVector.zero(FLOATS);
    FloatVector sum31 = FloatVector.zero(FLOATS);
    FloatVector sum32 = FloatVector.zero(FLOATS);
    FloatVector sum33 = FloatVector.zero(FLOATS);
    for (int i = lane; i < k / LANES * LANES; i += LANES) {
      FloatVector a = Vectors.load(x, x0 + i);
      FloatVector b = Vectors.load(x, x1 + i);
      FloatVector c = Vectors.load(x, x2 + i);
      FloatVector d = Vectors.load(x, x3 + i);
      FloatVector weights = Vectors.load(w, w0 + i);
      sum00 = a.fma(weights, sum00);
      sum10 = b.fma(weights, sum10);
      sum20 = c.fma(weights, sum20);
      sum30 = d.fma(weights, sum30);
      weights = Vectors.load(w, w1 + i);
      sum01 = a.fma(weights, sum01);
      sum11 = b.fma(weights, sum11);
      sum21 = c.fma(weights, sum21);
      sum31 = d.fma(weights, sum31);
      weights = Vectors.load(w, w2 + i);
      sum02 = a.fma(weights, sum02);
      sum12 = b.fma(weights, sum12);
      sum22 = c.fma(weights, sum22);
      sum32 = d.fma(weights, sum32);
      weights = Vectors.load(w, w3 + i);
      sum03 = a.fma(weights, sum03);
      sum13 = b.fma(weights, sum13);
      sum23 = c.fma(weights, sum23);
      sum33 = d.fma(weights, sum33);
    }
    sum00.intoArray(lanes, lane);
    sum01.intoArray(lanes, LANES + lane);
    sum02.intoArray(lanes, 2 * LANES + lane);
    sum03.intoArray(lanes, 3 * LANES + lane);
    sum10.intoArray(lanes, 4 * LANES + lane);
    sum11.intoArray(lanes, 5 * LANES + lane);
    sum12.intoArray(lanes, 6 * LANES + lane);
    sum13.intoArray(lanes, 7 * LANES + lane);
    sum20.intoArray(lanes, 8 * LANES + lane);
    sum21.intoArray(lanes, 9 * LANES + lane);
    sum22.intoArray(lanes, 10 * LANES + lane);
    sum23.intoArray(lanes, 11 * LANES + lane);
    sum30.intoArray(lanes, 12 * LANES + lane);
    sum31.intoArray(lanes, 13 * LANES + lane);
    sum32.intoArray(lanes, 14 * LANES + lane);
    sum33.intoArray(lanes, 15 * LANES + lane);
  }

  /** Computes lanes [lane, lane + LENGTH) of the sums of 4 weight rows by one row of x. */
  private void single(MemorySegment w, MemorySegment x, long x0, int k, int lane) {
    long w0 = weightRows[0];
    long w1 = weightRows[1];
    long w2 = weightRows[2];
    long w3 = weightRows[3];
    FloatVector sum0 = FloatVector.zero(FLOATS);
    FloatVector sum1 = FloatVector.zero(FLOATS);
    FloatVector sum2 = FloatVector.zero(FLOATS);
    FloatVector sum3 = FloatVector.zero(FLOATS);
    for (int i = lane; i < k / LANES * LANES; i += LANES) {
      FloatVector a = Vectors.load(x, x0 + i);
      sum0 = a.fma(Vectors.load(w, w0 + i), sum0);
      sum1 = a.fma(Vectors.load(w, w1 + i), sum1);
      sum2 = a.fma(Vectors.load(w, w2 + i), sum2);
      sum3 = a.fma(Vectors.load(w, w3 + i), sum3);
    }
    sum0.intoArray(lanes, lane);
    sum1.intoArray(lanes, LANES + lane);
    sum2.intoArray(lanes, 2 * LANES + lane);
    sum3.intoArray(lanes, 3 * LANES + lane);
  }
}
