package dev.vidrio.lens;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.Buffer;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Op;
import dev.vidrio.kernel.OpenOp;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.Rows;
import dev.vidrio.kernel.SequenceOp;
import dev.vidrio.kernel.WeightType;
import dev.vidrio.kernel.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Scores and patterns of attention, from queries and keys as they were when the model ran: watching
 * them costs a running model no more than keeping these. {@link OpenOp} computes them, with the
 * bits that they have in a layer where they can be edited.
 */
final class AttentionValues {
  /** Bytes of a step's scores, at most, where one token does not need more. */
  private static final long STEP_BYTES = 16L << 20;

  private final HookSource.Scores source;
  private final Executor executor;
  private final int heads;
  private final int first;
  private final int queries;
  private final int keys;

  private AttentionValues(
      HookSource.Scores source, Executor executor, int first, long queries, long keys) {
    this.source = source;
    this.executor = executor;
    this.heads = source.attention().heads();
    this.first = first;
    this.queries = Math.toIntExact(queries);
    this.keys = Math.toIntExact(keys);
  }

  /**
   * Fills in [H, n, keys].
   *
   * @param first the position of the first query
   * @param q rotated queries [n, H, d_h]
   * @param k rotated keys [keys, H_kv, d_h] of the positions from 0 on
   */
  static void fill(
      HookSource.Scores source,
      Executor executor,
      int first,
      MemorySegment q,
      MemorySegment k,
      MemorySegment target) {
    long queries = q.byteSize() / Float.BYTES / source.attention().q().width();
    long keys = k.byteSize() / Float.BYTES / source.k().width();
    if (queries > 0) {
      new AttentionValues(source, executor, first, queries, keys).run(q, k, target);
    }
  }

  /**
   * Brings rows into the order that activations of attention have.
   *
   * @param rows [n, H, P]
   * @param target receives [H, n, keys], keys ≤ P
   */
  static void headsFirst(MemorySegment rows, int n, int heads, int keys, MemorySegment target) {
    if (n > 0) {
      long row = rows.byteSize() / n / heads;
      copyHeadsFirst(rows, row, 0, n, n, heads, keys, target);
    }
  }

  /** The same of {@code count} rows, which are those from {@code begin} on of n. */
  private static void copyHeadsFirst(
      MemorySegment rows,
      long rowBytes,
      int begin,
      int count,
      int n,
      int heads,
      int keys,
      MemorySegment target) {
    long bytes = keys * (long) Float.BYTES;
    for (int i = 0; i < count; i++) {
      for (int h = 0; h < heads; h++) {
        long to = ((long) h * n + begin + i) * bytes;
        MemorySegment.copy(rows, ((long) i * heads + h) * rowBytes, target, to, bytes);
      }
    }
  }

  private void run(MemorySegment q, MemorySegment k, MemorySegment target) {
    int dH = source.attention().q().width() / heads;
    int rows = Math.clamp(STEP_BYTES / Float.BYTES / heads / keys, 1, keys);
    try (Arena arena = Arena.ofShared()) {
      var shape = new KvShape(1, source.k().width() / dH, dH);
      var cache = new KvCache(executor, shape, KvCache.blocksFor(keys), arena);
      try (ExecutablePlan plan =
          executor.prepare(store(shape, k, arena), limits(rows, keys), cache)) {
        var batch = new Batch(limits(rows, keys), arena);
        for (int begin = 0; begin < keys; begin += rows) {
          fill(batch, begin, Math.min(rows, keys - begin), 0);
          plan.run(batch);
        }
      }
      Plan scores = scores(shape, q, arena);
      try (ExecutablePlan plan = executor.prepare(scores, limits(rows, queries), cache)) {
        var batch = new Batch(limits(rows, queries), arena);
        MemorySegment data = plan.data(scores.outputs().iterator().next());
        for (int begin = 0; begin < queries; begin += rows) {
          int count = Math.min(rows, queries - begin);
          fill(batch, begin, count, first);
          plan.run(batch);
          copyHeadsFirst(
              data, keys * (long) Float.BYTES, begin, count, queries, heads, keys, target);
        }
      }
    }
  }

  /** Steps of so many rows of a table. */
  private Limits limits(int rows, int table) {
    return new Limits(rows, 1, 1, keys, table);
  }

  /** Rows of a table, which are those of adjacent positions. */
  private void fill(Batch batch, int begin, int count, int position) {
    int blocks = KvCache.blocksFor(keys);
    batch.clear();
    int sequence = batch.addSequence(IntStream.range(0, blocks).toArray(), blocks);
    for (int i = begin; i < begin + count; i++) {
      batch.add(i, position + i, sequence, false);
    }
  }

  private Plan store(KvShape shape, MemorySegment k, Arena arena) {
    var keysOf = new Buffer("k", Rows.TOKENS, source.k().width());
    return new Plan(
        List.of(rows(keysOf, k, arena), new SequenceOp.KvStore(0, keysOf, keysOf)),
        shape,
        Set.of());
  }

  private Plan scores(KvShape shape, MemorySegment q, Arena arena) {
    SequenceOp.Attention a = source.attention();
    var queriesOf = new Buffer("q", Rows.TOKENS, a.q().width());
    var scores = new Buffer("scores", Rows.TOKENS, Math.multiplyExact(heads, keys));
    var pattern = new Buffer("pattern", Rows.TOKENS, scores.width());
    List<Op> ops = new ArrayList<>();
    ops.add(rows(queriesOf, q, arena));
    ops.add(
        new OpenOp.Scores(
            0, heads, keys, a.scale(), a.window(), a.cap(), a.slopes(), queriesOf, scores));
    if (source.pattern()) {
      ops.add(new OpenOp.Softmax(heads, a.window(), a.sinks(), scores, pattern));
    }
    return new Plan(ops, shape, Set.of(source.pattern() ? pattern : scores));
  }

  /** Rows that are there, as those of an embedding table whose tokens are the row numbers. */
  private Op rows(Buffer y, MemorySegment rows, Arena arena) {
    MemorySegment data = rows;
    if (!rows.isNative()) {
      data = executor.allocate(rows.byteSize(), arena).copyFrom(rows);
    }
    int n = Math.toIntExact(rows.byteSize() / Float.BYTES / y.width());
    var table = new Weights(y.name(), WeightType.F32, Weights.Layout.ROWS, n, y.width(), data);
    return new Op.Embed(table, Op.EmbedIndex.TOKENS, 0, y);
  }
}
