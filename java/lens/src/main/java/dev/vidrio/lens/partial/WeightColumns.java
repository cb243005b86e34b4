package dev.vidrio.lens.partial;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
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
import java.util.Set;

/**
 * The columns of a matrix W [N, K] of any type and layout, as the floats that they represent. Unit
 * vectors are multiplied by parts of W of a few rows with the kernels that serve, which yields
 * these rows.
 */
final class WeightColumns implements AutoCloseable {
  /** Rows of a part: whole groups of a packed matrix. */
  private static final int ROWS = 2 * Packing.ROWS;

  private static final KvShape NO_CACHE = new KvShape(1, 1, 1);

  private final Weights weights;
  private final List<Buffer> parts = new ArrayList<>();
  private final Arena arena = Arena.ofShared();
  private final Batch batch;
  private final ExecutablePlan plan;

  /**
   * Prepares the products.
   *
   * @param weights [N, K], where N is a multiple of 32
   */
  WeightColumns(Executor executor, Weights weights) {
    this.weights = weights;
    try {
      var unit = new Buffer("unit", Rows.TOKENS, ROWS);
      List<Op> ops = new ArrayList<>();
      ops.add(new Op.Embed(units(), Op.EmbedIndex.TOKENS, 0, 0, unit));
      for (int first = 0; first < weights.n(); first += ROWS) {
        var part = new Buffer("rows." + first, Rows.TOKENS, weights.k());
        ops.add(new BackwardOp.MatMul(part(first), unit, part));
        parts.add(part);
      }
      var limits = new Limits(ROWS, 1, 1, ROWS, ROWS);
      this.batch = new Batch(limits, arena);
      int[] blocks = {0};
      int sequence = batch.addSequence(blocks, blocks.length);
      for (int i = 0; i < ROWS; i++) {
        batch.add(i, i, sequence, false);
      }
      var cache = new KvCache(executor, NO_CACHE, blocks.length, arena);
      this.plan = executor.prepare(new Plan(ops, NO_CACHE, Set.of(unit)), limits, cache);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /** Returns a table of unit vectors. */
  private Weights units() {
    MemorySegment data = arena.allocate(JAVA_FLOAT, (long) ROWS * ROWS);
    for (int i = 0; i < ROWS; i++) {
      data.setAtIndex(JAVA_FLOAT, (long) i * ROWS + i, 1);
    }
    return new Weights("units", WeightType.F32, Weights.Layout.ROWS, ROWS, ROWS, data);
  }

  /** Returns some rows, which are contiguous in either layout. */
  private Weights part(int first) {
    MemorySegment data = weights.data().asSlice(bytes(first), bytes(ROWS));
    return new Weights(weights.name(), weights.type(), weights.layout(), ROWS, weights.k(), data);
  }

  private long bytes(int rows) {
    return weights.layout() == Weights.Layout.PACKED
        ? Packing.bytes(weights.type(), rows, weights.k())
        : rows * weights.type().bytes(weights.k());
  }

  /**
   * Copies all columns.
   *
   * @param columns receives [K, N] floats
   */
  void copy(MemorySegment columns) {
    plan.run(batch, 0, 1);
    for (int i = 0; i < parts.size(); i++) {
      plan.run(batch, i + 1, i + 2);
      transpose(plan.data(parts.get(i)), columns, (long) i * ROWS);
    }
  }

  private void transpose(MemorySegment rows, MemorySegment columns, long first) {
    long n = weights.n();
    long k = weights.k();
    for (long column = 0; column < k; column++) {
      for (long row = 0; row < ROWS; row++) {
        float element = rows.getAtIndex(JAVA_FLOAT, row * k + column);
        columns.setAtIndex(JAVA_FLOAT, column * n + first + row, element);
      }
    }
  }

  @Override
  public void close() {
    plan.close();
    arena.close();
  }
}
