package dev.vidrio.lens.plan;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.OpenOp;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.hook.HookPoint;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What follows from activations as they were when the model ran: norms, and scores and patterns of
 * attention. Watching these costs a running model no more than keeping what they are made of. One
 * plan has a part for each norm and each attention, which gives all that is asked for of it; {@link
 * OpenOp} gives the bits that a point has where it can be edited.
 */
final class DerivedPlan implements AutoCloseable {
  /** Bytes of a step's scores, at most, where one token does not need more. */
  private static final long STEP_BYTES = 16L << 20;

  private static final KvShape NO_CACHE = new KvShape(1, 1, 1);

  private final Input input;
  private final Arena arena = Arena.ofShared();
  private final List<Op> ops = new ArrayList<>();
  private final Map<HookPoint, Part> parts = new HashMap<>();
  private final int[] blocks;
  private final Batch batch;
  private final ExecutablePlan plan;
  private final List<KvShape.Layer> caches = new ArrayList<>();

  /** Native memory of the rows of an activation from a position on. */
  @FunctionalInterface
  interface KeptRows {
    MemorySegment from(Buffer activation, int position);
  }

  /**
   * The activations that points follow from.
   *
   * @param type of their elements
   * @param first the position of row 0; of keys, there are those before it too
   * @param n rows, more than none
   */
  record Input(TapType type, int first, int n, KeptRows kept) {
    int keys() {
      return first + n;
    }
  }

  /** A point that follows from what was kept. */
  private record Follower(HookPoint point, HookSource source) {}

  /**
   * Operations of a norm or of attention: those from {@code begin} on for all keys, those from
   * {@code rows} on for all rows.
   *
   * @param outputs the points that follow from it, and what their rows are
   * @param heads where rows are scores, else 0
   */
  private record Part(int begin, int rows, int end, Map<HookPoint, Buffer> outputs, int heads) {}

  /**
   * @param sources where points come from; those of other kinds are left out
   */
  DerivedPlan(Executor executor, Input input, Map<HookPoint, HookSource> sources) {
    this.input = input;
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
      int keys = input.keys();
      this.blocks = IntStream.range(0, KvCache.blocksFor(keys)).toArray();
      var limits = new Limits(step(), 1, 1, keys, input.n);
      this.batch = new Batch(limits, arena);
      KvShape shape = caches.isEmpty() ? NO_CACHE : new KvShape(caches);
      var cache = new KvCache(executor, shape, blocks.length, arena);
      this.plan = executor.prepare(new Plan(ops, shape, Set.of()), limits, cache);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  private int step() {
    int heads = parts.values().stream().mapToInt(Part::heads).max().orElse(0);
    int keys = input.keys();
    return Math.clamp(STEP_BYTES / Float.BYTES / Math.max(1, heads) / keys, 1, keys);
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
      boolean isScale = follower.source instanceof HookSource.NormScale;
      outputs.put(follower.point, isScale ? scale : y);
    }
    return new Part(begin, begin, ops.size(), outputs, 0);
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
        new OpenOp.Scores(
            cache, a.heads(), input.keys(), a.scale(), a.window(), a.cap(), a.slopes(), q, scores));
    Map<HookPoint, Buffer> outputs = new LinkedHashMap<>();
    for (Follower follower : followers) {
      Buffer output = scores;
      if (((HookSource.Scores) follower.source).pattern()) {
        output = buffer(follower.point, "pattern", scores.width());
        ops.add(new OpenOp.Softmax(a.heads(), a.window(), a.sinks(), scores, output));
      }
      outputs.put(follower.point, output);
    }
    return new Part(begin, rows, ops.size(), outputs, a.heads());
  }

  /** The layer of the cache for keys of a kind; parts run one after the other. */
  private int cacheOf(KvShape.KeyValue kind) {
    if (!caches.contains(kind)) {
      caches.add(kind);
    }
    return caches.indexOf(kind);
  }

  private static Buffer buffer(HookPoint point, String name, int width) {
    return new Buffer(point.name() + "." + name, Rows.TOKENS, width);
  }

  /** Rows that are there, as those of an embedding table. */
  private Op load(Buffer kept, Op.EmbedIndex index, Buffer x) {
    int position = index == Op.EmbedIndex.TOKENS ? input.first : 0;
    MemorySegment rows = input.kept.from(kept, position);
    int n = input.keys() - position;
    var table = new Weights(x.name(), type(), Weights.Layout.ROWS, n, x.width(), rows);
    return new Op.Embed(table, index, 0, 0, x);
  }

  private WeightType type() {
    return switch (input.type) {
      case F32 -> WeightType.F32;
      case F16 -> WeightType.F16;
      case BF16 -> WeightType.BF16;
    };
  }

  /** The points whose values are computed together with those of a point, itself among them. */
  Set<HookPoint> together(HookPoint point) {
    return part(point).outputs.keySet();
  }

  private Part part(HookPoint point) {
    return Objects.requireNonNull(parts.get(point), point::name);
  }

  /**
   * Computes the values of a point and of those that are computed together with it.
   *
   * @param target of each of them, [n, width], or of scores [H, n, keys], f32
   */
  void fill(HookPoint point, Function<HookPoint, MemorySegment> target) {
    Part part = part(point);
    int step = batch.limits().tokens();
    if (part.rows > part.begin) {
      for (int i = 0; i < input.keys(); i += step) {
        run(part.begin, part.rows, i, Math.min(step, input.keys() - i), 0);
      }
    }
    for (int i = 0; i < input.n; i += step) {
      int row = i;
      int count = Math.min(step, input.n - i);
      run(part.rows, part.end, row, count, input.first);
      part.outputs.forEach((each, output) -> copy(part, output, row, count, target.apply(each)));
    }
  }

  private void copy(Part part, Buffer output, int row, int count, MemorySegment target) {
    long bytes = output.width() * (long) Float.BYTES;
    MemorySegment rows = plan.data(output).asSlice(0, count * bytes);
    if (part.heads > 0) {
      HeadsFirst.copy(rows, row, count, input.n, part.heads, input.keys(), target);
    } else {
      MemorySegment.copy(rows, 0, target, row * bytes, rows.byteSize());
    }
  }

  /** Runs operations on rows from one on, of which row 0 has a position. */
  private void run(int begin, int end, int row, int count, int position) {
    batch.clear();
    int sequence = batch.addSequence(blocks, blocks.length);
    for (int i = row; i < row + count; i++) {
      batch.add(Math.min(i, input.n - 1), position + i, sequence, false);
    }
    plan.run(batch, begin, end);
  }

  @Override
  public void close() {
    plan.close();
    arena.close();
  }
}
