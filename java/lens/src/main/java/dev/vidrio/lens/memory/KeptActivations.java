package dev.vidrio.lens.memory;

import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.partial.HeadResults;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.resolve.Preconditions;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** An {@link ActivationCache} over the memory of a session's taps. */
public final class KeptActivations implements ActivationCache {
  private final CapturedPoints captured;
  private final TapMemory memory;
  private final KvType cache;
  private final int slot;
  private final int limit;
  private final int[] tokens;
  private final boolean last;
  private final Map<HookPoint, Activation> derived = new HashMap<>();
  private @Nullable DerivedPlan plan;

  /**
   * Creates a cache.
   *
   * @param cache the type of the session's cache
   * @param limit the position after the last one that fits the memory
   * @param tokens those that have run, from position 0
   * @param last whether the cache, rather than the session, owns the memory
   */
  public KeptActivations(
      CapturedPoints captured,
      TapMemory memory,
      KvType cache,
      int slot,
      int limit,
      int[] tokens,
      boolean last) {
    this.captured = captured;
    this.memory = memory;
    this.cache = cache;
    this.slot = slot;
    this.limit = limit;
    this.tokens = tokens;
    this.last = last;
  }

  @Override
  public List<HookPoint> points() {
    return captured.points();
  }

  @Override
  public synchronized long bytes() {
    return memory.bytes() + (plan == null ? 0 : plan.recomputedBytes());
  }

  @Override
  public int[] tokens() {
    return tokens.clone();
  }

  @Override
  public int from() {
    return captured.from();
  }

  @Override
  public int rows() {
    return Math.max(0, Math.min(tokens.length, limit) - from());
  }

  @Override
  public synchronized Activation get(HookPoint point) {
    if (!memory.isOpen()) {
      throw new IllegalStateException("the activation cache is closed");
    }
    Preconditions.require(points().contains(point), "hook", point.name(), "is not in this cache");
    return switch (captured.hooks().source(point)) {
      case HookSource.Written(Buffer buffer) when memory.type() == TapType.F32 ->
          new Activation(point, shape(point, buffer.width()), rows(buffer));
      case HookSource other -> {
        if (!derived.containsKey(point)) {
          derived.putAll(derive(point, other));
        }
        yield Objects.requireNonNull(derived.get(point));
      }
    };
  }

  /** Returns the values of an activation at the kept positions, as f32. */
  private MemorySegment rows(Buffer buffer) {
    if (captured.recomputed().containsKey(buffer) && rows() > 0) {
      return plan().recompute(buffer);
    }
    MemorySegment rows = kept(buffer, from());
    return memory.type() == TapType.F32 ? rows : HalfFloats.toFloats(memory.type(), rows);
  }

  private MemorySegment kept(Buffer buffer, int first) {
    return memory.rows(buffer, slot, first, from() + rows());
  }

  /**
   * Computes the values of a point and of the captured points that are computed together with it.
   */
  private Map<HookPoint, Activation> derive(HookPoint point, HookSource source) {
    return switch (source) {
      case HookSource.Norm ignored -> compute(point);
      case HookSource.Scores ignored -> compute(point);
      case HookSource.HeadRows(Buffer buffer, int heads) ->
          filled(
              point,
              data ->
                  HeadMajor.copy(rows(buffer), 0, rows(), rows(), heads, from() + rows(), data));
      case HookSource.HeadResults results ->
          filled(
              point, data -> HeadResults.fill(results, memory.executor(), rows(results.z()), data));
      case HookSource.Written(Buffer buffer) -> filled(point, data -> data.copyFrom(rows(buffer)));
    };
  }

  private Map<HookPoint, Activation> compute(HookPoint point) {
    if (rows() == 0) {
      return filled(point, data -> {});
    }
    Map<HookPoint, Activation> made = new LinkedHashMap<>();
    plan().together(point).forEach(each -> made.put(each, allocate(each)));
    plan().fill(point, each -> Objects.requireNonNull(made.get(each)).data());
    return made;
  }

  private Map<HookPoint, Activation> filled(HookPoint point, Consumer<MemorySegment> values) {
    Activation made = allocate(point);
    if (rows() > 0) {
      values.accept(made.data());
    }
    return Map.of(point, made);
  }

  /** Allocates memory for the values of a point. */
  private Activation allocate(HookPoint point) {
    List<Integer> shape = shape(point, captured.hooks().source(point).width());
    return new Activation(point, shape, memory.allocate(Activation.bytes(shape)));
  }

  /** Returns the plan of all captured points that are derived from kept activations. */
  private DerivedPlan plan() {
    if (plan == null) {
      Map<HookPoint, HookSource> sources = new LinkedHashMap<>();
      points().forEach(point -> sources.put(point, captured.hooks().source(point)));
      var input = new DerivedPlan.Input(memory.type(), cache, from(), rows(), this::kept);
      var derivation = new DerivedPlan(memory.executor(), input, sources, captured.recomputed());
      plan = memory.attach(derivation);
    }
    return plan;
  }

  private List<Integer> shape(HookPoint point, int width) {
    return captured.hooks().shape(point, rows(), from() + rows(), width);
  }

  @Override
  public synchronized void close() {
    if (last) {
      memory.close();
    } else if (plan != null) {
      memory.close(plan);
      plan = null;
    }
  }
}
