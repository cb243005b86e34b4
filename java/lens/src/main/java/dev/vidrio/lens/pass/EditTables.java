package dev.vidrio.lens.pass;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.model.session.Sequence;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The interventions of a session in the form that the plan reads: a table of edits for each
 * editable point.
 */
public final class EditTables implements AutoCloseable {
  private final EditPlacer placer;
  private final Set<HookPoint> points;
  private final int capacity;
  private final List<Intervention> base;
  private final Map<HookPoint, EditTable> tables = new LinkedHashMap<>();
  private Arena values = Arena.ofShared();
  private List<Placed> placed = List.of();
  private @Nullable List<Sequence> assigned;

  /** An edit with off-heap values; its region selects all sequences. */
  record Placed(
      HookPoint point, @Nullable Sequence sequence, EditTable.Region region, EditKind edit) {}

  /**
   * Creates empty tables.
   *
   * @param hooks of the plan, edited or not
   * @param positions the context length
   * @param points the editable points
   * @param capacity maximum number of interventions at a point
   * @param base interventions that always apply, before the others; they need not be at editable
   *     points
   * @throws InvalidInputException if one of {@code base} does not fit its point
   */
  public EditTables(
      HookMap hooks, int positions, List<HookPoint> points, int capacity, List<Intervention> base) {
    this.placer = new EditPlacer(hooks, positions);
    this.points = Set.copyOf(points);
    this.capacity = capacity;
    this.base = base;
    Map<HookPoint, Integer> rooms = new LinkedHashMap<>();
    points.forEach(point -> rooms.put(point, capacity));
    base.forEach(edit -> rooms.merge(edit.point(), 1, Integer::sum));
    base.forEach(edit -> placer.requireEditable(edit.point()));
    rooms.forEach(
        (point, edits) -> {
          int room = Math.multiplyExact(edits, placer.regions(point));
          tables.put(point, new EditTable(placer.width(point), room, true));
        });
    set(List.of());
  }

  /** Returns the context length. */
  int positions() {
    return placer.positions();
  }

  /**
   * Returns the number of scores per token of a layer with editable scores or pattern, or 0 if
   * there is none.
   */
  public int scores() {
    return tables.entrySet().stream()
        .filter(e -> e.getKey().site().axes() == HookSite.Axes.QUERY_KEY)
        .mapToInt(e -> e.getValue().width())
        .max()
        .orElse(0);
  }

  /** Returns the table of each point. */
  Map<HookPoint, EditTable> tables() {
    return tables;
  }

  /**
   * Sets the interventions, applied in this order.
   *
   * @throws InvalidInputException if one does not fit; the previous ones then remain
   */
  public void set(List<Intervention> edits) {
    Arena fresh = Arena.ofShared();
    List<Placed> checked;
    try {
      checked = place(edits, fresh);
    } catch (Throwable e) {
      fresh.close();
      throw e;
    }
    clear();
    values.close();
    values = fresh;
    placed = checked;
  }

  /**
   * Checks interventions; may be called by any thread.
   *
   * @throws InvalidInputException as {@link #set} does
   */
  public void check(List<Intervention> edits) {
    try (Arena arena = Arena.ofConfined()) {
      var _ = place(edits, arena);
    }
  }

  private List<Placed> place(List<Intervention> edits, Arena arena) {
    List<Placed> checked = new ArrayList<>();
    base.forEach(edit -> checked.addAll(placer.place(edit, arena)));
    Map<HookPoint, Integer> counts = new LinkedHashMap<>();
    for (Intervention edit : edits) {
      requireEditable(edit.point());
      if (counts.merge(edit.point(), 1, Integer::sum) > capacity) {
        throw new InvalidInputException(
            "edits of " + edit.point(),
            Long.toString(edits.stream().filter(e -> e.point().equals(edit.point())).count()),
            "must be at most " + capacity);
      }
      checked.addAll(placer.place(edit, arena));
    }
    return checked;
  }

  /** Returns the index of the operation that applies the edits of a point. */
  public int operation(HookPoint point, Plan plan) {
    return IntStream.range(0, plan.ops().size())
        .filter(
            i -> plan.ops().get(i) instanceof HookOp.Edit edit && edit.edits() == tables.get(point))
        .findFirst()
        .orElseThrow();
  }

  /** Checks that a point is editable. */
  public void requireEditable(HookPoint point) {
    if (!points.contains(point)) {
      placer.requireEditable(point);
      throw new InvalidInputException(
          "edit of " + point, "", "not among the editable points of the session");
    }
  }

  private void clear() {
    tables.values().forEach(EditTable::clear);
    assigned = null;
  }

  /** Fills the tables for a step of these sequences. */
  public void assign(List<Sequence> step) {
    if (step.equals(assigned)) {
      return;
    }
    clear();
    for (Placed edit : placed) {
      EditTable table = Objects.requireNonNull(tables.get(edit.point()));
      if (edit.sequence() == null) {
        table.add(edit.region(), edit.edit());
        continue;
      }
      for (int i = 0; i < step.size(); i++) {
        if (step.get(i) == edit.sequence()) {
          EditTable.Region r = edit.region();
          table.add(new EditTable.Region(i, r.from(), r.to(), r.begin(), r.end()), edit.edit());
        }
      }
    }
    assigned = List.copyOf(step);
  }

  /** Frees the values. */
  @Override
  public void close() {
    if (values.scope().isAlive()) {
      clear();
      values.close();
    }
  }
}
