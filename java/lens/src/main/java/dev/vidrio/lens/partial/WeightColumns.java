package dev.vidrio.lens.partial;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Computes the columns of a matrix W [N, K] of any type and layout, as the floats that they
 * represent. Unit vectors are multiplied by parts of W of a few rows with the kernels that serve,
 * which yields these rows.
 */
final class WeightColumns {
  /** Rows of a part: whole groups of a packed matrix. */
  private static final int ROWS = 2 * Packing.ROWS;

  private WeightColumns() {}

  /**
   * Copies all columns.
   *
   * @param w [N, K], where N is a multiple of 32
   * @param columns receives [K, N] floats
   */
  static void copy(Executor executor, Weights w, MemorySegment columns) {
    var unit = new Buffer("unit", Rows.TOKENS, ROWS);
    List<Buffer> parts = new ArrayList<>();
    List<Op> ops = new ArrayList<>();
    for (int first = 0; first < w.n(); first += ROWS) {
      var part = new Buffer("rows." + first, Rows.TOKENS, w.k());
      ops.add(new BackwardOp.MatMul(part(w, first), unit, part));
      parts.add(part);
    }
    try (var plan = new RowPlan(executor, unit, ops, List.of(unit), ROWS, WeightColumns::units)) {
      plan.select(IntStream.range(0, ROWS).toArray());
      plan.run(0, 1);
      for (int i = 0; i < parts.size(); i++) {
        plan.run(i + 1, i + 2);
        transpose(plan.data(parts.get(i)), w.n(), w.k(), columns, (long) i * ROWS);
      }
    }
  }

  /** Returns a table of unit vectors. */
  private static Weights units(Arena arena) {
    MemorySegment data = arena.allocate(JAVA_FLOAT, (long) ROWS * ROWS);
    for (int i = 0; i < ROWS; i++) {
      data.setAtIndex(JAVA_FLOAT, (long) i * ROWS + i, 1);
    }
    return new Weights("units", WeightType.F32, Weights.Layout.ROWS, ROWS, ROWS, data);
  }

  /** Returns some rows, which are contiguous in either layout. */
  private static Weights part(Weights weights, int first) {
    MemorySegment data = weights.data().asSlice(bytes(weights, first), bytes(weights, ROWS));
    return new Weights(weights.name(), weights.type(), weights.layout(), ROWS, weights.k(), data);
  }

  private static long bytes(Weights weights, int rows) {
    return weights.layout() == Weights.Layout.PACKED
        ? Packing.bytes(weights.type(), rows, weights.k())
        : rows * weights.type().bytes(weights.k());
  }

  private static void transpose(
      MemorySegment rows, long n, long k, MemorySegment columns, long first) {
    for (long column = 0; column < k; column++) {
      for (long row = 0; row < ROWS; row++) {
        float element = rows.getAtIndex(JAVA_FLOAT, row * k + column);
        columns.setAtIndex(JAVA_FLOAT, column * n + first + row, element);
      }
    }
  }
}
