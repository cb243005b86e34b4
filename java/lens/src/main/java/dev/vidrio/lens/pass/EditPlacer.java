package dev.vidrio.lens.pass;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.EditTable.Region;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.resolve.Preconditions;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Checks interventions against a model and the limits of a session, and maps them to regions of
 * activations.
 */
final class EditPlacer {
  private final HookMap hooks;
  private final int positions;

  /**
   * Creates a placer.
   *
   * @param hooks of the plan, edited or not
   * @param positions the context length
   */
  EditPlacer(HookMap hooks, int positions) {
    this.hooks = hooks;
    this.positions = positions;
  }

  /** Returns the context length. */
  int positions() {
    return positions;
  }

  /**
   * Checks that a point can be edited.
   *
   * @throws InvalidInputException if the model does not have the point, or computes nothing from it
   */
  void requireEditable(HookPoint point) {
    Preconditions.require(hooks.has(point), "edit of " + point, "", "not found in the model");
    if (!hooks.editable(point)) {
      String from =
          hooks.source(point).captured().stream()
              .map(Buffer::name)
              .distinct()
              .collect(Collectors.joining(" and "));
      throw new InvalidInputException(
          "edit of " + point,
          "",
          from.equals(point.name())
              ? "expert indices cannot be edited"
              : "cannot be edited; it is derived from " + from);
    }
  }

  /** Returns the elements of a row of an editable point. */
  int width(HookPoint point) {
    requireEditable(point);
    return switch (hooks.source(point)) {
      case HookSource.Scores scores -> Math.multiplyExact(scores.attention().heads(), positions);
      case HookSource.Norm norm when norm.divisor() -> norm.op().heads();
      case HookSource other -> other.captured().getFirst().width();
    };
  }

  /** Returns the maximum number of regions of an intervention at a point. */
  int regions(HookPoint point) {
    return isAttention(point) ? hooks.heads(point.layer()) : 1;
  }

  private static boolean isAttention(HookPoint point) {
    return point.site().axes() == HookSite.Axes.QUERY_KEY;
  }

  /**
   * Returns an intervention as edits of the kernel.
   *
   * @param arena receives its values
   * @throws InvalidInputException if positions, columns or values do not fit
   */
  List<EditTables.Placed> place(Intervention edit, Arena arena) {
    requirePositions(edit);
    HookPoint point = edit.point();
    int width = width(point);
    int heads = isAttention(point) ? hooks.heads(point.layer()) : 0;
    return regions(edit, width).stream()
        .map(
            region ->
                new EditTables.Placed(
                    point,
                    edit.sequence(),
                    region,
                    new EditValues(edit, region, width, heads).place(arena)))
        .toList();
  }

  private List<Region> regions(Intervention edit, int width) {
    return switch (edit.columns()) {
      case Intervention.Columns.All() -> List.of(region(edit, 0, width));
      case Intervention.Columns.Head(int head) -> {
        int columns = width / heads(edit, head);
        yield List.of(region(edit, head * columns, (head + 1) * columns));
      }
      case Intervention.Columns.Range(int begin, int end) -> {
        requireRange(edit, "columns ", begin, end, width);
        yield List.of(region(edit, begin, end));
      }
      case Intervention.Columns.Keys keys -> keys(edit, keys);
    };
  }

  private List<Region> keys(Intervention edit, Intervention.Columns.Keys keys) {
    if (!isAttention(edit.point())) {
      throw refused(edit, "keys", "are supported for scores and patterns only");
    }
    requireRange(edit, "keys ", keys.from(), keys.to(), positions);
    Integer one = keys.head();
    int heads = heads(edit, Objects.requireNonNullElse(one, 0));
    return IntStream.range(0, heads)
        .filter(h -> one == null || one == h)
        .mapToObj(h -> region(edit, h * positions + keys.from(), h * positions + keys.to()))
        .toList();
  }

  private static Region region(Intervention edit, int begin, int end) {
    return new Region(Region.ALL, edit.from(), edit.to(), begin, end);
  }

  private static void requireRange(Intervention edit, String what, int begin, int end, int size) {
    if (begin < 0 || end <= begin || end > size) {
      throw refused(edit, what + begin + ":" + end, "must be a range of 0:" + size);
    }
  }

  private void requirePositions(Intervention edit) {
    boolean open = edit.to() == Integer.MAX_VALUE;
    if (edit.from() >= positions || (!open && edit.to() > positions)) {
      throw refused(
          edit,
          "positions " + edit.from() + ":" + (open ? "" : edit.to()),
          "there are " + positions);
    }
  }

  /** Returns the number of heads at a point, after checking one. */
  private int heads(Intervention edit, int head) {
    int heads =
        switch (edit.point().site().axes()) {
          case HEADS, QUERY_KEY -> hooks.heads(edit.point().layer());
          case KV_HEADS -> hooks.kvHeads(edit.point().layer());
          default -> throw refused(edit, "head " + head, "the point has no heads");
        };
    if (head < 0 || head >= heads) {
      throw refused(edit, "head " + head, "must be 0 to " + (heads - 1));
    }
    return heads;
  }

  private static InvalidInputException refused(Intervention edit, String value, String limit) {
    return new InvalidInputException("edit of " + edit.point(), value, limit);
  }
}
