package dev.vidrio.kernel.hook;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What {@link dev.vidrio.kernel.op.HookOp.Edit} changes in an activation. Entries apply in the
 * order they were added, and may change between steps. Without entries, the activation stays the
 * same, bit for bit.
 *
 * <p>Values must stay alive while their entry is in the table and steps run. Not thread-safe.
 */
public final class EditTable {
  /**
   * Columns {@code begin ≤ i < end} of the tokens at positions {@code from ≤ p < to}.
   *
   * @param sequence its index in the batch, or {@link #ALL}
   */
  public record Region(int sequence, int from, int to, int begin, int end) {
    /** All sequences of the batch. */
    public static final int ALL = -1;

    public Region {
      require(sequence >= ALL, "sequence " + sequence + " is below " + ALL);
      require(0 <= from && from < to, "positions " + from + " to " + to + " are no range");
      require(0 <= begin && begin < end, "columns " + begin + " to " + end + " are no range");
    }

    /** Number of columns. */
    public int columns() {
      return end - begin;
    }

    /** Whether the token at a position of a sequence belongs to it. */
    public boolean contains(int sequence, int position) {
      return (this.sequence == ALL || this.sequence == sequence)
          && from <= position
          && position < to;
    }
  }

  /** An edit and where it applies. */
  public record Entry(Region region, EditKind edit) {
    /** Its values, or null where it has none. */
    public @Nullable MemorySegment values() {
      return switch (edit) {
        case EditKind.Set set -> set.values();
        case EditKind.Add add -> add.values();
        case EditKind.Subspace subspace -> subspace.values();
        case EditKind.Scale ignored -> null;
        case EditKind.Clamp ignored -> null;
      };
    }

    /** Whether its values have a row for each position. */
    public boolean perPosition() {
      MemorySegment values = values();
      return values != null && values.byteSize() > (long) region.columns() * Float.BYTES;
    }

    /** Element of the values at which those for a position begin. */
    public long firstValue(int position) {
      return perPosition() ? (long) (position - region.from()) * region.columns() : 0;
    }
  }

  private final int width;
  private final int capacity;
  private final boolean subspaces;
  private final List<Entry> entries = new ArrayList<>();
  private int version;
  private @Nullable EditTable derivative;

  /**
   * An empty table.
   *
   * @param width of the activation
   * @param capacity entries that it has room for
   * @param subspaces whether it may hold {@link EditKind.Subspace}; then the operation needs whole
   *     rows and workers wait for them
   */
  public EditTable(int width, int capacity, boolean subspaces) {
    require(width > 0, "width " + width + " is not positive");
    require(capacity > 0, "capacity " + capacity + " is not positive");
    this.width = width;
    this.capacity = capacity;
    this.subspaces = subspaces;
  }

  /** Removes all entries. */
  public void clear() {
    entries.clear();
    version++;
    if (derivative != null) {
      derivative.clear();
    }
  }

  /**
   * The table of what flows back through the edits of this one, from the last to the first: nothing
   * through what is set, and what a basis spans is projected out. It follows this table, which can
   * no longer hold an {@link EditKind.Clamp}.
   */
  public EditTable derivative() {
    if (derivative == null) {
      derivative = new EditTable(width, capacity, subspaces);
      entries.forEach(derivative::addDerivative);
    }
    return derivative;
  }

  private void addDerivative(Entry entry) {
    EditKind edit =
        switch (entry.edit()) {
          case EditKind.Set ignored -> new EditKind.Scale(0);
          case EditKind.Add ignored -> new EditKind.Scale(1);
          case EditKind.Scale scale -> scale;
          case EditKind.Subspace subspace -> new EditKind.Subspace(subspace.basis(), null);
          case EditKind.Clamp ignored ->
              throw new IllegalArgumentException("no gradient goes through a clamp");
        };
    entries.addFirst(new Entry(entry.region(), edit));
    version++;
  }

  /**
   * Adds an entry.
   *
   * @throws IllegalArgumentException when columns, values or numbers do not fit
   * @throws IllegalStateException when the table is full
   */
  public void add(Region region, EditKind edit) {
    require(
        region.end() <= width,
        "columns " + region.begin() + " to " + region.end() + " exceed the width " + width);
    check(region, edit);
    if (entries.size() == capacity) {
      throw new IllegalStateException("the table is full with " + capacity + " edits");
    }
    // x + 0 · values would turn −0 into 0.
    if (!(edit instanceof EditKind.Add add && add.strength() == 0)) {
      var entry = new Entry(region, edit);
      if (derivative != null) {
        derivative.addDerivative(entry);
      }
      entries.add(entry);
      version++;
    }
  }

  private void check(Region region, EditKind edit) {
    switch (edit) {
      case EditKind.Set set -> requireValues(region, set.values());
      case EditKind.Add add -> {
        requireFinite("strength", add.strength());
        requireValues(region, add.values());
      }
      case EditKind.Scale scale -> requireFinite("factor", scale.factor());
      case EditKind.Clamp clamp ->
          require(
              clamp.least() <= clamp.most(),
              "bounds " + clamp.least() + " to " + clamp.most() + " are no range");
      case EditKind.Subspace subspace -> {
        require(subspaces, "the table was not made for subspaces");
        long row = requireFloats("basis", region, subspace.basis());
        require(
            subspace.basis().byteSize() % row == 0
                && subspace.basis().byteSize() / row <= region.columns(),
            "basis has "
                + subspace.basis().byteSize()
                + " bytes, not 1 to "
                + region.columns()
                + " rows of "
                + row);
        if (subspace.values() != null) {
          requireValues(region, subspace.values());
        }
      }
    }
  }

  private static void requireValues(Region region, MemorySegment values) {
    long row = requireFloats("values", region, values);
    int positions = region.to() - region.from();
    long rows = values.byteSize() / row;
    require(
        values.byteSize() % row == 0 && (rows == 1 || rows == positions),
        "values have " + values.byteSize() + " bytes, not 1 or " + positions + " rows of " + row);
  }

  /** Returns the bytes of a row. */
  private static long requireFloats(String what, Region region, MemorySegment floats) {
    require(floats.isNative(), what + " are not off-heap");
    require(floats.address() % Float.BYTES == 0, what + " do not begin at a multiple of 4");
    require(floats.byteSize() > 0, what + " are empty");
    return (long) region.columns() * Float.BYTES;
  }

  private static void requireFinite(String what, float value) {
    require(Float.isFinite(value), what + " " + value + " is not finite");
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  /** Elements of a row. */
  public int width() {
    return width;
  }

  /** Entries that it has room for. */
  public int capacity() {
    return capacity;
  }

  /** Whether it may hold edits of subspaces. */
  public boolean subspaces() {
    return subspaces;
  }

  /** The entries in order: a view. */
  public List<Entry> entries() {
    return Collections.unmodifiableList(entries);
  }

  /** Changes whenever the entries do. */
  public int version() {
    return version;
  }
}
