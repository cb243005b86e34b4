package dev.vidrio.lens.memory;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.LowRankOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.resolve.ProducerIndex;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Determines which activations a run must keep for the captured points. An activation that follows
 * from other captured ones by rowwise operations can be recomputed later with equal bits, since the
 * bits of a row do not depend on the other rows of a step.
 */
public final class CapturedPoints {
  private final HookMap hooks;
  private final List<HookPoint> points;
  private final int from;
  private final ProducerIndex writers = new ProducerIndex();
  private final IdentityHashMap<Op, Integer> order = new IdentityHashMap<>();

  /** The activations at captured points. */
  private final Set<Buffer> asked = new HashSet<>();

  private final Map<Buffer, Slice> recomputed = new HashMap<>();

  /**
   * The operations from kept, or previously recomputed, activations to an activation.
   *
   * @param inputs the activations that they read
   * @param ops in order
   */
  public record Slice(List<Buffer> inputs, List<Op> ops) {}

  /**
   * Analyzes a plan.
   *
   * @param plan with its edits
   * @param hooks of the plan
   * @param points the captured points
   * @param recompute selects sites that need not be kept if they follow from others
   * @param from the first captured position
   */
  public CapturedPoints(
      Plan plan, HookMap hooks, List<HookPoint> points, Predicate<HookSite> recompute, int from) {
    this.hooks = hooks;
    this.points = List.copyOf(points);
    this.from = from;
    for (Op op : plan.ops()) {
      writers.add(op);
      order.put(op, order.size());
    }
    Map<Buffer, HookSite> written = new LinkedHashMap<>();
    for (HookPoint point : points) {
      if (hooks.source(point) instanceof HookSource.Written(Buffer buffer)) {
        asked.add(buffer);
        written.merge(buffer, point.site(), (a, b) -> isStream(a) ? a : b);
      }
    }
    written.forEach(
        (buffer, site) -> {
          if (recompute.test(site) && !isStream(site) && !isNeededBefore(buffer)) {
            recompute(buffer);
          }
        });
  }

  /**
   * The residual stream is kept, or a point of the last block would be recomputed through all
   * blocks.
   */
  private static boolean isStream(HookSite site) {
    return site.isResidualStream() && site != HookSite.RESID_MID;
  }

  /** Returns whether rows before the captured positions are needed, which cannot be recomputed. */
  private boolean isNeededBefore(Buffer buffer) {
    return from > 0 && points.stream().anyMatch(point -> isKeys(buffer, hooks.source(point)));
  }

  private static boolean isKeys(Buffer buffer, HookSource source) {
    return source instanceof HookSource.Scores scores && buffer.equals(scores.k());
  }

  private void recompute(Buffer y) {
    Set<Buffer> inputs = new LinkedHashSet<>();
    Set<Op> ops = Collections.newSetFromMap(new IdentityHashMap<>());
    if (traceWriter(y, inputs, ops)) {
      List<Op> inOrder = ops.stream().sorted(Comparator.comparing(order::get)).toList();
      // An operation may write an activation that was recorded as an input of another one.
      inOrder.forEach(op -> inputs.removeAll(op.writes()));
      recomputed.put(y, new Slice(List.copyOf(inputs), inOrder));
    }
  }

  /**
   * Adds the operation that writes an activation, and those that it depends on. Returns false if
   * they are not rowwise.
   */
  private boolean traceWriter(Operand y, Set<Buffer> inputs, Set<Op> ops) {
    @Nullable Op op = writers.get(y);
    boolean follows =
        switch (op) {
          case Op.Gather gather -> trace(gather.x(), Set.of(gather.x()), inputs, ops);
          case LowRankOp ignored -> false;
          case null -> false;
          default ->
              op.isRowwise() && op.reads().stream().allMatch(x -> trace(x, asked, inputs, ops));
        };
    if (op != null && follows) {
      ops.add(op);
    }
    return follows;
  }

  private boolean trace(Operand x, Set<Buffer> sources, Set<Buffer> inputs, Set<Op> ops) {
    if (x instanceof Buffer buffer && sources.contains(buffer)) {
      inputs.add(buffer);
      return x.rows() == Rows.TOKENS;
    }
    return traceWriter(x, inputs, ops);
  }

  /** Returns the activations to keep and their first positions; scores need all keys. */
  public Map<Buffer, Integer> firsts() {
    Map<Buffer, Integer> firsts = new LinkedHashMap<>();
    for (HookPoint point : points) {
      HookSource source = hooks.source(point);
      source.captured().forEach(x -> keep(x, isKeys(x, source) ? 0 : from, firsts));
    }
    recomputed.values().forEach(slice -> slice.inputs.forEach(x -> keep(x, from, firsts)));
    return firsts;
  }

  private void keep(Buffer x, int first, Map<Buffer, Integer> firsts) {
    if (!recomputed.containsKey(x)) {
      firsts.merge(x, first, Math::min);
    }
  }

  /** Returns the activations to recompute. */
  Map<Buffer, Slice> recomputed() {
    return recomputed;
  }

  /** Returns the captured points. */
  public List<HookPoint> points() {
    return points;
  }

  /** Returns the first captured position. */
  int from() {
    return from;
  }

  /** Returns the sources of the points. */
  HookMap hooks() {
    return hooks;
  }
}
