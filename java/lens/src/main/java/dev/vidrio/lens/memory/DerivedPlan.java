package dev.vidrio.lens.memory;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.op.UnfusedOp;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.resolve.HookSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Computes activations that follow from kept ones: norms, scores and patterns of attention, and
 * recomputed activations. Capturing them costs a forward pass no more than keeping their inputs.
 * One plan has a part per norm or attention, which computes all captured points within it, and a
 * part per recomputed activation; {@link UnfusedOp} gives the bits that a point has where it is
 * editable.
 */
public final class DerivedPlan implements AutoCloseable {
  /** Maximum bytes of a step's scores or logits, unless one token needs more. */
  private static final long STEP_BYTES = 16L << 20;

  /** Maximum rows of a step. */
  private static final int ROWS = 512;

  private static final KvShape NO_CACHE = new KvShape(1, 1, 1);

  private final Input input;
  private final Arena arena = Arena.ofShared();
  private final TapMemory recomputed;
  private final List<Op> ops = new ArrayList<>();
  private final Map<HookPoint, Part> parts = new HashMap<>();
  private final Map<Buffer, Part> slices = new HashMap<>();

  /** The activations that have been recomputed. */
  private final Set<Buffer> done = new HashSet<>();

  private final int[] blocks;
  private final Batch batch;
  private final ExecutablePlan plan;
  private final List<KvShape.Layer> caches = new ArrayList<>();

  /** Returns the native memory of the rows of an activation from a position on. */
  @FunctionalInterface
  public interface KeptRows {
    MemorySegment from(Buffer activation, int position);
  }

  /**
   * The kept activations.
   *
   * @param type of their elements
   * @param cache the type of the cache with the keys that the scores used
   * @param first the position of row 0; keys also have the rows before it
   * @param n number of rows, positive
   */
  public record Input(TapType type, KvType cache, int first, int n, KeptRows kept) {
    int keys() {
      return first + n;
    }
  }

  /** A point that is derived from kept activations. */
  private record Follower(HookPoint point, HookSource source) {}

  /**
   * The operations of a norm, attention or slice: those from {@code begin} for all keys, and those
   * from {@code rows} for all rows.
   *
   * @param inputs the kept activations that it reads
   * @param outputs the derived points and their rows; empty if the outputs are tapped
   * @param heads number of heads if rows are scores, else 0
   * @param logits elements of a row of logits, else 0
   */
  private record Part(
      List<Buffer> inputs,
      int begin,
      int rows,
      int end,
      Map<HookPoint, Buffer> outputs,
      int heads,
      int logits) {}

  /**
   * Creates the plan.
   *
   * @param sources the sources of points; those that the plan writes are ignored
   * @param again the slices of the recomputed activations
   */
  public DerivedPlan(
      Executor executor,
      Input input,
      Map<HookPoint, HookSource> sources,
      Map<Buffer, CapturedPoints.Slice> again) {
    this.input = input;
    this.recomputed = memory(executor, input, again.keySet());
    try {
      Map<Op, List<Follower>> followers = new LinkedHashMap<>();
      sources.forEach(
          (point, source) -> {
            @Nullable Op whole = source.whole();
            if (whole != null) {
              var follower = new Follower(point, source);
              followers.computeIfAbsent(whole, op -> new ArrayList<>()).add(follower);
            }
          });
      followers.forEach(this::add);
      again.forEach((y, slice) -> slices.put(y, slice(y, slice)));
      int keys = input.keys();
      this.blocks = IntStream.range(0, KvCache.blocksFor(keys)).toArray();
      var limits = new Limits(step(false), step(true), 1, keys, input.n);
      this.batch = new Batch(limits, arena);
      KvShape shape = caches.isEmpty() ? NO_CACHE : new KvShape(caches);
      var cache = new KvCache(executor, shape, input.cache, blocks.length, 0, arena);
      this.plan = executor.prepare(new Plan(ops, shape, Set.of()), limits, cache);
    } catch (Throwable e) {
      arena.close();
      recomputed.close();
      throw e;
    }
  }

  /** Reserves memory for recomputed activations; the system allocates its pages on first write. */
  private static TapMemory memory(Executor executor, Input input, Set<Buffer> recomputed) {
    Map<Buffer, Integer> firsts = new HashMap<>();
    recomputed.forEach(y -> firsts.put(y, input.first));
    var memory = new TapMemory(executor, TapType.F32, 1, 1, firsts, input.keys());
    memory.assign(0, 0);
    return memory;
  }

  /** Returns the rows of a step: those with computed logits, or all. */
  private int step(boolean logits) {
    int keys = input.keys();
    long width =
        Stream.concat(parts.values().stream(), slices.values().stream())
            .mapToLong(part -> logits ? part.logits : (long) part.heads * keys)
            .max()
            .orElse(0);
    return Math.clamp(STEP_BYTES / Float.BYTES / Math.max(1, width), 1, Math.min(ROWS, keys));
  }

  private void add(Op whole, List<Follower> followers) {
    Part part =
        whole instanceof Op.Norm norm
            ? norm(norm, followers)
            : attention((SequenceOp.Attention) whole, followers);
    part.outputs.keySet().forEach(point -> parts.put(point, part));
  }

  private Part norm(Op.Norm norm, List<Follower> followers) {
    HookPoint name = followers.getFirst().point;
    Buffer kept = followers.getFirst().source.captured().getFirst();
    int begin = ops.size();
    Buffer x = buffer(name, "x", kept.width());
    Buffer y = buffer(name, "normalized", kept.width());
    Buffer scale = buffer(name, "scale", norm.heads());
    ops.add(load(kept, Op.EmbedIndex.TOKENS, x));
    ops.add(new Op.Norm(norm.kind(), norm.epsilon(), norm.heads(), x, null, null, y, scale));
    Map<HookPoint, Buffer> outputs = new LinkedHashMap<>();
    for (Follower follower : followers) {
      boolean isScale = ((HookSource.Norm) follower.source).divisor();
      outputs.put(follower.point, isScale ? scale : y);
    }
    return new Part(List.of(kept), begin, begin, ops.size(), outputs, 0, 0);
  }

  private Part attention(SequenceOp.Attention a, List<Follower> followers) {
    HookPoint name = followers.getFirst().point;
    Buffer kept = followers.getFirst().source.captured().getLast();
    int begin = ops.size();
    int dH = a.q().width() / a.heads();
    int cache = cacheOf(new KvShape.KeyValue(kept.width() / dH, dH));
    Buffer k = buffer(name, "k", kept.width());
    ops.add(load(kept, Op.EmbedIndex.POSITIONS, k));
    ops.add(new SequenceOp.KvStore(cache, k, k));
    int rows = ops.size();
    Buffer q = buffer(name, "q", a.q().width());
    Buffer scores = buffer(name, "scores", Math.multiplyExact(a.heads(), input.keys()));
    ops.add(load(a.q(), Op.EmbedIndex.TOKENS, q));
    ops.add(
        new UnfusedOp.Scores(
            cache, a.heads(), input.keys(), a.scale(), a.window(), a.cap(), a.bias(), q, scores));
    Map<HookPoint, Buffer> outputs = new LinkedHashMap<>();
    for (Follower follower : followers) {
      Buffer output = scores;
      if (((HookSource.Scores) follower.source).pattern()) {
        output = buffer(follower.point, "pattern", scores.width());
        ops.add(new UnfusedOp.Softmax(a.heads(), a.window(), a.sinks(), scores, output));
      }
      outputs.put(follower.point, output);
    }
    return new Part(List.of(a.q(), kept), begin, rows, ops.size(), outputs, a.heads(), 0);
  }

  /** Adds the operations that recompute an activation, with its own copies of their inputs. */
  private Part slice(Buffer y, CapturedPoints.Slice slice) {
    int begin = ops.size();
    Map<Operand, Operand> own = new HashMap<>();
    for (Buffer x : slice.inputs()) {
      Buffer loaded = x.like(nameOf(x, y));
      own.put(x, loaded);
      ops.add(load(x, Op.EmbedIndex.TOKENS, loaded));
    }
    for (Op op : slice.ops()) {
      ops.add(op.withOperands(x -> own.computeIfAbsent(x, each -> each.like(nameOf(each, y)))));
    }
    ops.add(new HookOp.Tap(y.like(nameOf(y, y)), recomputed.target(y)));
    int logits = y.rows() == Rows.LOGITS ? y.width() : 0;
    return new Part(slice.inputs(), begin, begin, ops.size(), Map.of(), 0, logits);
  }

  private static String nameOf(Operand x, Buffer y) {
    return y.name() + ".of." + x.name();
  }

  /**
   * Returns the cache layer for keys of a shape; parts run one after the other and may share it.
   */
  private int cacheOf(KvShape.KeyValue kind) {
    if (!caches.contains(kind)) {
      caches.add(kind);
    }
    return caches.indexOf(kind);
  }

  private static Buffer buffer(HookPoint point, String name, int width) {
    return new Buffer(point.name() + "." + name, Rows.TOKENS, width);
  }

  /** Loads kept rows as those of an embedding table. */
  private Op load(Buffer kept, Op.EmbedIndex index, Buffer x) {
    int position = index == Op.EmbedIndex.TOKENS ? input.first : 0;
    MemorySegment rows = recomputed.has(kept) ? rows(kept) : input.kept.from(kept, position);
    int n = input.keys() - position;
    WeightType type = WeightType.valueOf(input.type.name());
    var table = new Weights(x.name(), type, Weights.Layout.ROWS, n, x.width(), rows);
    return new Op.Embed(table, index, 0, 0, x);
  }

  private MemorySegment rows(Buffer buffer) {
    return recomputed.rows(buffer, 0, input.first, input.keys());
  }

  /** Returns the bytes of recomputed activations. */
  long recomputedBytes() {
    return done.stream().mapToLong(buffer -> rows(buffer).byteSize()).sum();
  }

  /** Returns the points that are computed together with a point, including the point. */
  Set<HookPoint> together(HookPoint point) {
    return part(point).outputs.keySet();
  }

  private Part part(HookPoint point) {
    return Objects.requireNonNull(parts.get(point), point::name);
  }

  /**
   * Computes the values of a point and of those that are computed together with it.
   *
   * @param target returns the f32 memory of a point: [n, width], or [H, n, keys] of scores
   */
  public void fill(HookPoint point, Function<HookPoint, MemorySegment> target) {
    Part part = part(point);
    require(part.inputs);
    int step = batch.limits().tokens();
    if (part.rows > part.begin) {
      for (int i = 0; i < input.keys(); i += step) {
        run(part, part.begin, part.rows, i, Math.min(step, input.keys() - i), 0);
      }
    }
    for (int i = 0; i < input.n; i += step) {
      int row = i;
      int count = Math.min(step, input.n - i);
      run(part, part.rows, part.end, row, count, input.first);
      part.outputs.forEach((each, output) -> copy(part, output, row, count, target.apply(each)));
    }
  }

  private void copy(Part part, Buffer output, int row, int count, MemorySegment target) {
    long bytes = output.width() * (long) Float.BYTES;
    MemorySegment rows = plan.data(output).asSlice(0, count * bytes);
    if (part.heads > 0) {
      HeadMajor.copy(rows, row, count, input.n, part.heads, input.keys(), target);
    } else {
      MemorySegment.copy(rows, 0, target, row * bytes, rows.byteSize());
    }
  }

  /** Returns the rows of a recomputed activation, which are computed on first use. */
  MemorySegment recompute(Buffer buffer) {
    if (!done.contains(buffer)) {
      Part part = Objects.requireNonNull(slices.get(buffer), buffer::name);
      require(part.inputs);
      Limits limits = batch.limits();
      int step = part.logits > 0 ? Math.min(limits.tokens(), limits.logits()) : limits.tokens();
      for (int i = 0; i < input.n; i += step) {
        run(part, part.rows, part.end, i, Math.min(step, input.n - i), input.first);
      }
      done.add(buffer);
    }
    return rows(buffer);
  }

  /** Recomputes those activations that are to be recomputed. */
  private void require(List<Buffer> buffers) {
    buffers.stream().filter(slices::containsKey).forEach(this::recompute);
  }

  /** Runs operations on rows from {@code row} on, where row 0 is at {@code position}. */
  private void run(Part part, int begin, int end, int row, int count, int position) {
    batch.clear();
    int sequence = batch.addSequence(blocks, blocks.length);
    for (int i = row; i < row + count; i++) {
      batch.add(Math.min(i, input.n - 1), position + i, sequence, part.logits > 0);
    }
    plan.run(batch, begin, end);
  }

  @Override
  public void close() {
    plan.close();
    arena.close();
    recomputed.close();
  }
}
