package dev.vidrio.lens.plan;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.lens.hook.HookPoint;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Inserts edits into a plan. The operation that writes an activation writes it under another name,
 * and its edits lead from there to the name that all readers know. Two points may share an
 * activation, as the output of a block and the input of the next one do: then their edits follow
 * each other, and each point sees what its own made of it. What lies within attention and norms is
 * opened first.
 */
public final class EditedPlan {
  private final HookMap hooks;
  private final Map<HookPoint, EditTable> tables;
  private final OpenedPlan opened;
  private final Map<Buffer, List<HookPoint>> edited = new LinkedHashMap<>();

  private EditedPlan(HookMap hooks, EditTables edits) {
    this.hooks = hooks;
    this.tables = edits.tables();
    this.opened = new OpenedPlan(hooks, tables, edits.positions());
    for (HookPoint point : hooks.points()) {
      if (tables.containsKey(point)
          && hooks.source(point) instanceof HookSource.Written(Buffer b)) {
        edited.computeIfAbsent(b, ignored -> new ArrayList<>()).add(point);
      }
    }
  }

  /** The plan with an edit at each point that has a table; the map tells where points are now. */
  public static Plan of(Plan plan, HookMap hooks, EditTables edits) {
    var pass = new EditedPlan(hooks, edits);
    List<Op> ops = new ArrayList<>();
    plan.ops().forEach(op -> pass.opened.open(op).forEach(part -> pass.add(part, ops)));
    pass.movePoints();
    pass.edited.keySet().forEach(buffer -> hooks.edit(buffer, unedited(buffer)));
    pass.opened.moved().forEach(hooks::move);
    return new Plan(ops, plan.kv(), plan.outputs());
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

  /** The points whose edits change an activation, in the order in which they do. */
  private List<HookPoint> points(Buffer buffer) {
    return Objects.requireNonNull(edited.get(buffer));
  }

  private static Buffer unedited(Buffer buffer) {
    return buffer.like(buffer.name() + ".unedited");
  }

  /** What an activation is after one of its edits: after the last, what all readers read. */
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

  /** Points whose activation is edited later on see what it was before. */
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

  /** The operation with one of the activations that it writes under another name. */
  static Op writing(Op op, Buffer from, Buffer to) {
    return op.withOperands(x -> x.equals(from) ? to : x);
  }
}
