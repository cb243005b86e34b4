package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Buffer;
import dev.vidrio.kernel.EditTable.Region;
import dev.vidrio.model.InvalidInputException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Checks edits against a model and a session's room, and lays their values out off-heap. */
final class EditPlacer {
  /** How far from 0 and 1 the products of basis rows may be. */
  private static final double ORTHONORMAL = 1e-3;

  private final HookMap hooks;
  private final int kvHeads;
  private final int positions;

  /**
   * @param hooks of the plan before it is edited
   * @param kvHeads H_kv
   * @param positions of a sequence, the context
   */
  EditPlacer(HookMap hooks, int kvHeads, int positions) {
    this.hooks = hooks;
    this.kvHeads = kvHeads;
    this.positions = positions;
  }

  /**
   * Checks that a point can be edited.
   *
   * @throws InvalidInputException when the model does not have it, or computes nothing from it
   */
  void requireEditable(HookPoint point) {
    if (!hooks.has(point)) {
      throw new InvalidInputException("edit of " + point, "", "the model has no such hook point");
    }
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
              ? "it holds numbers of experts, no activations"
              : "the model does not compute with it; it is derived from " + from);
    }
  }

  /** Elements of a row of a point that can be edited. */
  int width(HookPoint point) {
    requireEditable(point);
    return hooks.source(point).captured().getFirst().width();
  }

  /**
   * An edit as the kernel takes it.
   *
   * @param arena receives its values
   * @throws InvalidInputException when positions, columns or values do not fit
   */
  EditTables.Placed place(Edit edit, Arena arena) {
    requirePositions(edit);
    int begin = 0;
    int end = width(edit.point());
    switch (edit.columns()) {
      case Edit.Columns.All ignored -> {}
      case Edit.Columns.Head(int head) -> {
        int width = end / heads(edit, head);
        begin = head * width;
        end = begin + width;
      }
      case Edit.Columns.Range range -> {
        if (range.begin() < 0 || range.end() <= range.begin() || range.end() > end) {
          throw refused(
              edit, "columns " + range.begin() + ":" + range.end(), "must be a range of 0:" + end);
        }
        begin = range.begin();
        end = range.end();
      }
    }
    var region = new Region(Region.ALL, edit.from(), edit.to(), begin, end);
    return new EditTables.Placed(
        edit.point(), edit.sequence(), region, change(edit, region, arena));
  }

  private void requirePositions(Edit edit) {
    boolean open = edit.to() == Integer.MAX_VALUE;
    if (edit.from() >= positions || (!open && edit.to() > positions)) {
      throw refused(
          edit,
          "positions " + edit.from() + ":" + (open ? "" : edit.to()),
          "there are " + positions);
    }
  }

  /** Heads of a point, of which one is meant. */
  private int heads(Edit edit, int head) {
    int heads =
        switch (edit.point().site().axes()) {
          case HEADS -> hooks.heads(edit.point().layer());
          case KV_HEADS -> kvHeads;
          default -> throw refused(edit, "head " + head, "its rows are not those of heads");
        };
    if (head < 0 || head >= heads) {
      throw refused(edit, "head " + head, "must be 0 to " + (heads - 1));
    }
    return heads;
  }

  private dev.vidrio.kernel.Edit change(Edit edit, Region region, Arena arena) {
    return switch (edit.change()) {
      case Change.Zero() ->
          new dev.vidrio.kernel.Edit.Set(arena.allocate(JAVA_FLOAT, region.columns()));
      case Change.Set(MemorySegment values) ->
          new dev.vidrio.kernel.Edit.Set(values(edit, region, values, arena));
      case Change.Patch patch ->
          new dev.vidrio.kernel.Edit.Set(patched(edit, region, patch, arena));
      case Change.Add(float strength, MemorySegment values) ->
          new dev.vidrio.kernel.Edit.Add(strength, values(edit, region, values, arena));
      case Change.Scale(float factor) -> new dev.vidrio.kernel.Edit.Scale(factor);
      case Change.Clamp(float least, float most) -> new dev.vidrio.kernel.Edit.Clamp(least, most);
      case Change.Subspace(MemorySegment basis, @Nullable MemorySegment values) ->
          new dev.vidrio.kernel.Edit.Subspace(
              basis(edit, region, basis, arena),
              values == null ? null : values(edit, region, values, arena));
    };
  }

  private static MemorySegment values(Edit edit, Region region, MemorySegment values, Arena arena) {
    long row = region.columns() * (long) Float.BYTES;
    long each = (long) (region.to() - region.from()) * row;
    if (values.byteSize() != row && values.byteSize() != each) {
      boolean open = region.to() == Integer.MAX_VALUE;
      throw refused(
          edit,
          values.byteSize() / Float.BYTES + " values",
          "must be "
              + region.columns()
              + (open
                  ? ""
                  : ", or as many for each of " + (region.to() - region.from()) + " positions"));
    }
    return arena.allocate(values.byteSize(), Float.BYTES).copyFrom(values);
  }

  /** The part of another run's activation that the edit's positions and columns are. */
  private MemorySegment patched(Edit edit, Region region, Change.Patch patch, Arena arena) {
    Activation source = patch.source();
    int rows = source.shape().getFirst();
    long width = source.elements() / rows;
    if (width != width(edit.point()) || source.point().site().axes() == HookSite.Axes.QUERY_KEY) {
      throw refused(
          edit,
          "values of " + source.point() + " " + source.shape(),
          "must have rows of " + width(edit.point()));
    }
    int first = region.from() - patch.from();
    int count = region.to() - region.from();
    if (first < 0 || count > rows - first) {
      throw refused(
          edit,
          "positions " + region.from() + ":" + region.to(),
          "the other run holds " + patch.from() + ":" + (patch.from() + rows));
    }
    MemorySegment values = arena.allocate(JAVA_FLOAT, (long) count * region.columns());
    for (int i = 0; i < count; i++) {
      MemorySegment.copy(
          source.data(),
          JAVA_FLOAT,
          ((first + i) * width + region.begin()) * Float.BYTES,
          values,
          JAVA_FLOAT,
          (long) i * region.columns() * Float.BYTES,
          region.columns());
    }
    return values;
  }

  private static MemorySegment basis(Edit edit, Region region, MemorySegment basis, Arena arena) {
    int n = region.columns();
    long rows = basis.byteSize() / Float.BYTES / n;
    if (rows == 0 || rows > n || basis.byteSize() != rows * n * Float.BYTES) {
      throw refused(
          edit,
          "basis of " + basis.byteSize() / Float.BYTES + " values",
          "must be 1 to " + n + " rows of " + n);
    }
    for (int r = 0; r < rows; r++) {
      for (int s = 0; s <= r; s++) {
        double product = 0;
        for (int i = 0; i < n; i++) {
          product +=
              (double) basis.getAtIndex(JAVA_FLOAT, (long) r * n + i)
                  * basis.getAtIndex(JAVA_FLOAT, (long) s * n + i);
        }
        if (!(Math.abs(product - (r == s ? 1 : 0)) <= ORTHONORMAL)) {
          throw refused(
              edit,
              "rows " + s + " and " + r + " of the basis",
              "must be orthonormal, but their product is " + product);
        }
      }
    }
    return arena.allocate(basis.byteSize(), Float.BYTES).copyFrom(basis);
  }

  private static InvalidInputException refused(Edit edit, String value, String limit) {
    return new InvalidInputException("edit of " + edit.point(), value, limit);
  }
}
