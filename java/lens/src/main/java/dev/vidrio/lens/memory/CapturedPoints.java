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
 * What a run keeps so that its points can be had. An activation that follows from others of them,
 * by operations which take each row for itself, can be computed again later: as bits do not depend
 * on the rows beside one, they are the same.
 */
public final class CapturedPoints {
  private final HookMap hooks;
  private final List<HookPoint> points;
  private final int from;
  private final ProducerIndex writers = new ProducerIndex();
  private final IdentityHashMap<Op, Integer> order = new IdentityHashMap<>();

  /** The activations that are points themselves. */
  private final Set<Buffer> asked = new HashSet<>();

  private final Map<Buffer, Slice> recomputed = new HashMap<>();

  /**
   * The operations between what is kept, or computed again before, and an activation.
   *
   * @param inputs that they read
   * @param ops in order
   */
  public record Slice(List<Buffer> inputs, List<Op> ops) {}

  /**
   * @param plan with its edits
   * @param hooks of the plan
   * @param points that are asked for
   * @param recompute the sites whose activations need not be kept where they follow from others
   * @param from the first position that is asked for
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

  /** The stream is kept: else a point of the last block would follow from all blocks before. */
  private static boolean isStream(HookSite site) {
    return site.isResidualStream() && site != HookSite.RESID_MID;
  }

  /** Whether rows of it are needed from a position on that nothing else is kept of. */
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
      // An operation may write what another of them would have read as an input.
      inOrder.forEach(op -> inputs.removeAll(op.writes()));
      recomputed.put(y, new Slice(List.copyOf(inputs), inOrder));
    }
  }

  /** Adds what writes an activation and what leads there; false where that takes more than rows. */
  private boolean traceWriter(Operand y, Set<Buffer> inputs, Set<Op> ops) {
    @Nullable Op op = writers.get(y);
    boolean follows =
        switch (op) {
          case Op.Gather gather -> trace(gather.x(), Set.of(gather.x()), inputs, ops);
          case Op.MatMul product when product.fast() -> false;
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

  /** The activations to keep, and from which position on: scores need all keys. */
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

  /** The activations that are computed again. */
  Map<Buffer, Slice> recomputed() {
    return recomputed;
  }

  /** The points that are asked for. */
  public List<HookPoint> points() {
    return points;
  }

  /** The first position that is asked for. */
  int from() {
    return from;
  }

  /** Where the points come from. */
  HookMap hooks() {
    return hooks;
  }
}
