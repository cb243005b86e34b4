package dev.vidrio.kernel.hook;

import static dev.vidrio.kernel.argument.Arguments.require;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The edits that {@link dev.vidrio.kernel.op.HookOp.Edit} applies to an activation. Entries apply
 * in the order in which they were added, and may change between steps. Without entries the
 * activation is copied bit for bit.
 *
 * <p>Values must stay alive while their entry is in the table and steps run. Not thread-safe.
 */
public final class EditTable {
  /**
   * The columns {@code begin ≤ i < end} of the tokens at positions {@code from ≤ p < to}.
   *
   * @param sequence index of the sequence in the batch, or {@link #ALL}
   */
  public record Region(int sequence, int from, int to, int begin, int end) {
    /** All sequences of the batch. */
    public static final int ALL = -1;

    public Region {
      require(sequence >= ALL, "sequence " + sequence + " must be at least " + ALL);
      require(0 <= from && from < to, "positions " + from + " to " + to + ": invalid range");
      require(0 <= begin && begin < end, "columns " + begin + " to " + end + ": invalid range");
    }

    /** Returns the number of columns. */
    public int columns() {
      return end - begin;
    }

    /** Returns whether the region contains the token at a position of a sequence. */
    public boolean contains(int sequence, int position) {
      return (this.sequence == ALL || this.sequence == sequence)
          && from <= position
          && position < to;
    }
  }

  /** An edit of a region. */
  public record Entry(Region region, EditKind edit) {
    /** Returns whether the values have a row per position. */
    public boolean perPosition() {
      MemorySegment values = edit.values();
      return values != null && values.byteSize() > (long) region.columns() * Float.BYTES;
    }

    /** Returns the index of the first value for a position. */
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
   * Creates an empty table.
   *
   * @param width width of the activation
   * @param capacity maximum number of entries
   * @param subspaces if true, the table may hold {@link EditKind.Subspace}; the operation then
   *     needs whole rows, for which workers wait
   */
  public EditTable(int width, int capacity, boolean subspaces) {
    require(width > 0, "width " + width + " must be positive");
    require(capacity > 0, "capacity " + capacity + " must be positive");
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
   * Returns the table that maps gradients backward through the edits of this one, from the last to
   * the first: no gradient passes an {@link EditKind.Set}, and the span of a basis is projected
   * out. The derivative follows later changes of this table, which then rejects {@link
   * EditKind.Clamp}.
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
              throw new IllegalArgumentException("a clamp has no gradient");
        };
    entries.addFirst(new Entry(entry.region(), edit));
    version++;
  }

  /**
   * Appends an entry.
   *
   * @throws IllegalArgumentException if columns, values or numbers are invalid
   * @throws IllegalStateException if the table is full
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
              clamp.min() <= clamp.max(),
              "bounds " + clamp.min() + " to " + clamp.max() + ": invalid range");
      case EditKind.Subspace subspace -> {
        require(subspaces, "the table does not support subspaces");
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

  /** Checks the memory of floats and returns the bytes of a row. */
  private static long requireFloats(String what, Region region, MemorySegment floats) {
    require(floats.isNative(), what + " must be off-heap");
    require(floats.address() % Float.BYTES == 0, what + " must be aligned to 4 bytes");
    require(floats.byteSize() > 0, what + " must not be empty");
    return (long) region.columns() * Float.BYTES;
  }

  private static void requireFinite(String what, float value) {
    require(Float.isFinite(value), what + " " + value + " must be finite");
  }

  /** Returns the elements of a row. */
  public int width() {
    return width;
  }

  /** Returns the maximum number of entries. */
  public int capacity() {
    return capacity;
  }

  /** Returns whether the table may hold edits of subspaces. */
  public boolean subspaces() {
    return subspaces;
  }

  /** Returns a view of the entries in order. */
  public List<Entry> entries() {
    return Collections.unmodifiableList(entries);
  }

  /** Returns a number that changes whenever the entries do. */
  public int version() {
    return version;
  }
}
