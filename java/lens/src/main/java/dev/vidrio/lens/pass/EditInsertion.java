package dev.vidrio.lens.pass;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.pass.PlanPass;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Inserts an edit at each hook point that has a table. The operation that writes an activation
 * writes it under another name, and the edits produce the name that all readers read. Two points
 * may share an activation, as the output of a block and the input of the next one do; their edits
 * then follow each other, and each point has the values after its own. Attention and norms with
 * edited points within them are unfused first.
 *
 * <p>Not reusable: {@link #apply} moves the points of the {@link HookMap}.
 */
public final class EditInsertion implements PlanPass {
  private final HookMap hooks;
  private final Map<HookPoint, EditTable> tables;
  private final Unfusing unfusing;
  private final Map<Buffer, List<HookPoint>> edited = new LinkedHashMap<>();

  /**
   * Creates the pass.
   *
   * @param hooks of the plan; moved to the edited activations by {@link #apply}
   * @param edits the table of each edited point
   */
  public EditInsertion(HookMap hooks, EditTables edits) {
    this.hooks = hooks;
    this.tables = edits.tables();
    this.unfusing = new Unfusing(hooks, tables, edits.positions());
    for (HookPoint point : hooks.points()) {
      if (tables.containsKey(point)
          && hooks.source(point) instanceof HookSource.Written(Buffer b)) {
        edited.computeIfAbsent(b, ignored -> new ArrayList<>()).add(point);
      }
    }
  }

  @Override
  public Plan apply(Plan plan) {
    List<Op> ops = new ArrayList<>();
    plan.ops().forEach(op -> unfusing.parts(op).forEach(part -> add(part, ops)));
    movePoints();
    edited.keySet().forEach(buffer -> hooks.edit(buffer, unedited(buffer)));
    unfusing.moved().forEach(hooks::move);
    return plan.withOps(ops);
  }

  /** Adds an operation and the edits of what it writes. */
  private void add(Op op, List<Op> ops) {
    Op writer = op;
    List<Op> edits = new ArrayList<>();
    for (Operand operand : op.writes()) {
      if (operand instanceof Buffer buffer && edited.containsKey(buffer)) {
        writer = writing(writer, buffer, unedited(buffer));
        edits.addAll(edits(buffer));
      }
    }
    ops.add(writer);
    ops.addAll(edits);
  }

  /** Returns the points of the edits that change an activation, in order. */
  private List<HookPoint> points(Buffer buffer) {
    return Objects.requireNonNull(edited.get(buffer));
  }

  private static Buffer unedited(Buffer buffer) {
    return buffer.like(buffer.name() + ".unedited");
  }

  /** Returns an activation after one of its edits; after the last one, what all readers read. */
  private Buffer after(Buffer buffer, HookPoint point) {
    return points(buffer).getLast().equals(point) ? buffer : buffer.like(point.name() + ".edited");
  }

  private List<Op> edits(Buffer buffer) {
    List<Op> edits = new ArrayList<>();
    Buffer x = unedited(buffer);
    for (HookPoint point : points(buffer)) {
      Buffer y = after(buffer, point);
      edits.add(new HookOp.Edit(x, Objects.requireNonNull(tables.get(point)), y));
      x = y;
    }
    return edits;
  }

  /** Moves points to the activation after their own edits, and before those of later points. */
  private void movePoints() {
    Map<HookPoint, HookSource> moved = new HashMap<>();
    Map<Buffer, Buffer> current = new HashMap<>();
    for (HookPoint point : hooks.points()) {
      if (hooks.source(point) instanceof HookSource.Written(Buffer b) && edited.containsKey(b)) {
        Buffer seen =
            tables.containsKey(point) ? after(b, point) : current.getOrDefault(b, unedited(b));
        current.put(b, seen);
        moved.put(point, new HookSource.Written(seen));
      }
    }
    moved.forEach(hooks::move);
  }

  /** Returns the operation with an activation that it writes renamed. */
  static Op writing(Op op, Buffer from, Buffer to) {
    return op.withOperands(x -> x.equals(from) ? to : x);
  }
}
