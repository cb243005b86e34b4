package dev.vidrio.lens.pass;

import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.op.UnfusedOp;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Replaces attention and norms by their parts ({@link UnfusedOp}) where points within them are
 * edited. Attention also runs as a whole, and its z is kept for heads without an edited pattern.
 */
final class Unfusing {
  private final Map<HookPoint, EditTable> tables;
  private final int positions;
  private final Map<Op, Inside> opened = new HashMap<>();
  private final Map<HookPoint, HookSource> moved = new HashMap<>();

  /**
   * The edited points within an operation: scores and pattern of attention, or scale and x̂ of a
   * norm. The second follows from the first.
   */
  private record Inside(@Nullable HookPoint first, @Nullable HookPoint second) {
    Inside with(HookSource source, HookPoint point) {
      boolean isFirst =
          (source instanceof HookSource.Norm norm && norm.divisor())
              || (source instanceof HookSource.Scores scores && !scores.pattern());
      return isFirst ? new Inside(point, second) : new Inside(first, point);
    }
  }

  /**
   * Creates the pass.
   *
   * @param hooks of the plan
   * @param tables of the edited points
   * @param positions P of scores and patterns, the context length
   */
  Unfusing(HookMap hooks, Map<HookPoint, EditTable> tables, int positions) {
    this.tables = tables;
    this.positions = positions;
    for (HookPoint point : hooks.points()) {
      HookSource source = hooks.source(point);
      @Nullable Op op = source.whole();
      if (op != null) {
        Inside inside = opened.getOrDefault(op, new Inside(null, null));
        opened.put(op, inside.with(source, point));
      }
    }
    opened.values().removeIf(i -> !isEdited(i.first) && !isEdited(i.second));
  }

  private boolean isEdited(@Nullable HookPoint point) {
    return point != null && tables.containsKey(point);
  }

  /** Returns the sources of points of unfused operations. */
  Map<HookPoint, HookSource> moved() {
    return moved;
  }

  /** Returns the operation, or its parts with their edits. */
  List<Op> parts(Op op) {
    @Nullable Inside inside = opened.get(op);
    if (inside == null) {
      return List.of(op);
    }
    HookPoint first = Objects.requireNonNull(inside.first);
    HookPoint second = Objects.requireNonNull(inside.second);
    return op instanceof Op.Norm norm
        ? norm(norm, first, second)
        : attention((SequenceOp.Attention) op, first, second);
  }

  private List<Op> attention(SequenceOp.Attention a, HookPoint first, HookPoint second) {
    int width = Math.multiplyExact(a.heads(), positions);
    Buffer z = like(a.z(), a.z().name() + ".attention", a.z().width());
    Buffer unedited = like(z, first.name() + ".unedited", width);
    Buffer softmax = like(z, second.name() + ".unedited", width);
    List<Op> ops = new ArrayList<>();
    ops.add(EditInsertion.writing(a, a.z(), z));
    ops.add(new UnfusedOp.Scores(a, positions, unedited));
    ops.add(new UnfusedOp.Softmax(a.heads(), a.window(), a.sinks(), unedited, softmax));
    Buffer pattern = softmax;
    if (isEdited(first)) {
      Buffer scores = edit(first, unedited, ops);
      pattern = like(z, second.name() + ".of_scores", width);
      ops.add(new UnfusedOp.Softmax(a.heads(), a.window(), a.sinks(), scores, pattern));
      moved.put(first, new HookSource.HeadRows(scores, a.heads()));
    }
    pattern = edit(second, pattern, ops);
    moved.put(second, new HookSource.HeadRows(pattern, a.heads()));
    ops.add(
        new UnfusedOp.WeightedValues(a.layer(), a.heads(), a.window(), pattern, softmax, z, a.z()));
    return ops;
  }

  private List<Op> norm(Op.Norm norm, HookPoint first, HookPoint second) {
    Buffer bare = like(norm.y(), second.name() + ".unedited", norm.y().width());
    List<Op> ops = new ArrayList<>();
    Buffer unedited = like(norm.y(), first.name() + ".unedited", norm.heads());
    if (isEdited(first)) {
      Buffer own = like(bare, second.name() + ".own", bare.width());
      ops.add(bare(norm, own, unedited));
      Buffer scale = edit(first, unedited, ops);
      ops.add(new UnfusedOp.Normalize(norm.kind(), norm.x(), scale, bare));
      moved.put(first, new HookSource.Written(scale));
    } else {
      ops.add(bare(norm, bare, null));
    }
    Buffer normalized = edit(second, bare, ops);
    moved.put(second, new HookSource.Written(normalized));
    ops.add(affine(norm, normalized));
    return ops;
  }

  private static Op bare(Op.Norm norm, Buffer y, @Nullable Buffer scale) {
    return new Op.Norm(norm.kind(), norm.epsilon(), norm.heads(), norm.x(), null, null, y, scale);
  }

  /** Returns the operation that applies the gain and bias to x̂, or a scale by 1 without them. */
  private static Op affine(Op.Norm norm, Buffer normalized) {
    if (norm.gain() != null) {
      return new UnfusedOp.Gain(normalized, norm.gain(), norm.bias(), norm.y());
    }
    return norm.bias() != null
        ? new Op.AddBias(normalized, norm.bias(), norm.y())
        : new Op.Scale(normalized, 1, norm.y());
  }

  /** Adds the edits of a point, if it has some, and returns the edited activation. */
  private Buffer edit(HookPoint point, Buffer x, List<Op> ops) {
    @Nullable EditTable table = tables.get(point);
    if (table == null) {
      return x;
    }
    Buffer y = like(x, point.name(), x.width());
    ops.add(new HookOp.Edit(x, table, y));
    return y;
  }

  private static Buffer like(Buffer other, String name, int width) {
    return new Buffer(name, other.rows(), width);
  }
}
