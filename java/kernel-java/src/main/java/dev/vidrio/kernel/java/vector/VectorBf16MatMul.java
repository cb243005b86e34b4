package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.INTS;
import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;
import static dev.vidrio.kernel.java.vector.Vectors.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.IS_NAN;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.scalar.Bf16;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * The matrix product in bf16. Lanes are the 16 rows of a group of weights, which are converted to
 * floats once for all rows of x; a tile is a vector of weight rows by 4 rows of x.
 */
final class VectorBf16MatMul {
  private static final int ROWS = Packing.ROWS;
  private static final int TILE = 4;

  private final WeightPanel integers = new WeightPanel();
  private float[] row = {};
  // [column][row of weights]
  private float[] panel = {};
  // [row of x][column]
  private float[] activations = {};
  // [row of x][row of weights]
  private final float[] results = new float[TILE * ROWS];

  /** Computes groups [begin, end) of the columns of y. */
  void run(Weights w, MemorySegment x, MemorySegment y, int rows, int begin, int end) {
    int columns = Bf16.padded(w.k());
    roundActivations(x, rows, w.k(), columns);
    if (panel.length < columns * ROWS) {
      panel = new float[columns * ROWS];
    }
    for (int group = begin; group < end; group++) {
      if (w.type().quantized()) {
        unpack(w, group);
      } else {
        transpose(w, group * ROWS, columns);
      }
      for (int m = 0; m < rows; m += TILE) {
        int count = Math.min(TILE, rows - m);
        for (int lane = 0; lane < ROWS; lane += LENGTH) {
          if (count == TILE) {
            tile(m * columns, columns, lane);
          } else {
            for (int i = 0; i < count; i++) {
              single((m + i) * columns, columns, i, lane);
            }
          }
        }
        store(y, w.n(), m, count, group * ROWS);
      }
    }
  }

  private void roundActivations(MemorySegment x, int rows, int k, int columns) {
    int size = Math.multiplyExact(rows, columns);
    if (activations.length < size) {
      activations = new float[size];
    }
    for (int m = 0; m < rows; m++) {
      int to = m * columns;
      MemorySegment.copy(x, JAVA_FLOAT_UNALIGNED, (long) m * k * Float.BYTES, activations, to, k);
      Arrays.fill(activations, to + k, to + columns, 0);
      round(activations, to, columns);
    }
  }

  /** Rounds {@code count} elements, a multiple of 32. */
  private static void round(float[] x, int from, int count) {
    for (int i = from; i < from + count; i += LENGTH) {
      round(FloatVector.fromArray(FLOATS, x, i)).intoArray(x, i);
    }
  }

  /** Returns {@link Bf16#round} of each lane. */
  private static FloatVector round(FloatVector x) {
    IntVector bits = x.reinterpretAsInts();
    IntVector odd = bits.lanewise(LSHR, 16).and(1);
    FloatVector rounded = bits.add(0x7fff).add(odd).and(0xffff0000).reinterpretAsFloats();
    return rounded.blend(0, rounded.abs().compare(LT, Bf16.MIN)).blend(x, x.test(IS_NAN));
  }

  /** Converts a group of packed weights. */
  private void unpack(Weights w, int group) {
    integers.read(w, group);
    WeightType type = w.type();
    int perSubBlock = type.hasMinima() ? 2 : 1;
    float[] factors = integers.factors();
    for (int k = 0; k < w.k(); k += Packing.UNIT) {
      int factor = k / type.subBlock() * perSubBlock * ROWS;
      long unit = integers.offset() + k / Packing.UNIT * (long) Packing.UNIT_BYTES;
      for (int lane = 0; lane < ROWS; lane += LENGTH) {
        FloatVector scale = FloatVector.fromArray(FLOATS, factors, factor + lane);
        long at = unit + (long) lane * Packing.UNIT;
        IntVector four = IntVector.fromMemorySegment(INTS, integers.integers(), at, ORDER);
        for (int j = 0; j < Packing.UNIT; j++) {
          FloatVector code = Vectors.toFloats(four.lanewise(LSHL, 24 - 8 * j).lanewise(ASHR, 24));
          FloatVector weight =
              type.hasMinima()
                  ? code.fma(scale, FloatVector.fromArray(FLOATS, factors, factor + ROWS + lane))
                  : code.mul(scale);
          round(weight).intoArray(panel, (k + j) * ROWS + lane);
        }
      }
    }
  }

  /** Converts weight rows from {@code first} on, up to the last one. */
  private void transpose(Weights w, int first, int columns) {
    if (row.length < columns) {
      row = new float[columns];
    }
    Arrays.fill(panel, 0, columns * ROWS, 0);
    for (int r = 0; r < Math.min(ROWS, w.n() - first); r++) {
      long from = (long) (first + r) * w.k();
      if (w.type() == WeightType.F32) {
        MemorySegment.copy(w.data(), JAVA_FLOAT_UNALIGNED, from * Float.BYTES, row, 0, w.k());
      } else {
        Elements.toFloats(w.type(), w.data(), from * Short.BYTES, row, w.k());
      }
      Arrays.fill(row, w.k(), columns, 0);
      round(row, 0, columns);
      for (int k = 0; k < w.k(); k++) {
        panel[k * ROWS + r] = row[k];
      }
    }
  }

  /** Multiplies 4 rows of x by a vector of weight rows. */
  private void tile(int x, int columns, int lane) {
    FloatVector acc0 = FloatVector.zero(FLOATS);
    FloatVector acc1 = FloatVector.zero(FLOATS);
    FloatVector acc2 = FloatVector.zero(FLOATS);
    FloatVector acc3 = FloatVector.zero(FLOATS);
    for (int k = 0; k < columns; k += Bf16.BLOCK) {
      FloatVector even0 = FloatVector.zero(FLOATS);
      FloatVector even1 = FloatVector.zero(FLOATS);
      FloatVector even2 = FloatVector.zero(FLOATS);
      FloatVector even3 = FloatVector.zero(FLOATS);
      FloatVector odd0 = FloatVector.zero(FLOATS);
      FloatVector odd1 = FloatVector.zero(FLOATS);
      FloatVector odd2 = FloatVector.zero(FLOATS);
      FloatVector odd3 = FloatVector.zero(FLOATS);
      for (int i = k; i < k + Bf16.BLOCK; i += 2) {
        FloatVector w = FloatVector.fromArray(FLOATS, panel, i * ROWS + lane);
        even0 = w.fma(FloatVector.broadcast(FLOATS, activations[x + i]), even0);
        even1 = w.fma(FloatVector.broadcast(FLOATS, activations[x + columns + i]), even1);
        even2 = w.fma(FloatVector.broadcast(FLOATS, activations[x + 2 * columns + i]), even2);
        even3 = w.fma(FloatVector.broadcast(FLOATS, activations[x + 3 * columns + i]), even3);
        w = FloatVector.fromArray(FLOATS, panel, i * ROWS + ROWS + lane);
        odd0 = w.fma(FloatVector.broadcast(FLOATS, activations[x + i + 1]), odd0);
        odd1 = w.fma(FloatVector.broadcast(FLOATS, activations[x + columns + i + 1]), odd1);
        odd2 = w.fma(FloatVector.broadcast(FLOATS, activations[x + 2 * columns + i + 1]), odd2);
        odd3 = w.fma(FloatVector.broadcast(FLOATS, activations[x + 3 * columns + i + 1]), odd3);
      }
      acc0 = acc0.add(even0.add(odd0));
      acc1 = acc1.add(even1.add(odd1));
      acc2 = acc2.add(even2.add(odd2));
      acc3 = acc3.add(even3.add(odd3));
    }
    acc0.intoArray(results, lane);
    acc1.intoArray(results, ROWS + lane);
    acc2.intoArray(results, 2 * ROWS + lane);
    acc3.intoArray(results, 3 * ROWS + lane);
  }

  /** Multiplies a row of x, row {@code i} of its tile, by a vector of weight rows. */
  private void single(int x, int columns, int i, int lane) {
    FloatVector acc = FloatVector.zero(FLOATS);
    for (int k = 0; k < columns; k += Bf16.BLOCK) {
      FloatVector even = FloatVector.zero(FLOATS);
      FloatVector odd = FloatVector.zero(FLOATS);
      for (int j = k; j < k + Bf16.BLOCK; j += 2) {
        FloatVector w = FloatVector.fromArray(FLOATS, panel, j * ROWS + lane);
        even = w.fma(FloatVector.broadcast(FLOATS, activations[x + j]), even);
        w = FloatVector.fromArray(FLOATS, panel, j * ROWS + ROWS + lane);
        odd = w.fma(FloatVector.broadcast(FLOATS, activations[x + j + 1]), odd);
      }
      acc = acc.add(even.add(odd));
    }
    acc.intoArray(results, i * ROWS + lane);
  }

  /** Stores the results of a tile at y [rows, n]. */
  private void store(MemorySegment y, int n, int m, int count, int column) {
    int width = Math.min(ROWS, n - column);
    for (int i = 0; i < count; i++) {
      long to = ((long) (m + i) * n + column) * Float.BYTES;
      MemorySegment.copy(results, i * ROWS, y, JAVA_FLOAT_UNALIGNED, to, width);
    }
  }
}
