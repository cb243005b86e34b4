package dev.vidrio.kernel.hook;

import static dev.vidrio.kernel.argument.Arguments.require;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The off-heap memory to which a tap copies rows of an activation: the row of the token at position
 * p of a sequence is copied to row {@code base + p − from} of {@link #data} if {@code from ≤ p <
 * to}. The tapped sequences and positions may change between steps; a growing sequence needs no
 * update. Initially nothing is tapped.
 *
 * <p>Not thread-safe. Plans that tap into it must not outlive its arena.
 */
public final class TapTarget {
  private static final int FROM = 0;
  private static final int TO = 1;

  private final TapType type;
  private final int width;
  private final long rows;
  private final int sequences;
  private final MemorySegment data;
  private final MemorySegment bases;
  private final MemorySegment window;

  /**
   * Creates a target for {@code rows} rows of an activation.
   *
   * @param type type of the copied elements
   * @param width width of the activation
   * @param sequences number of batch sequences that may be tapped
   * @param data memory of the executor, of size {@link #bytes}
   * @param arena holds everything else
   */
  public TapTarget(
      TapType type, int width, long rows, int sequences, MemorySegment data, Arena arena) {
    require(sequences > 0, sequences + " sequences: must be positive");
    require(data.byteSize() == bytes(type, width, rows), "memory of " + data.byteSize() + " bytes");
    this.type = type;
    this.width = width;
    this.rows = rows;
    this.sequences = sequences;
    this.data = data;
    this.bases = arena.allocate(JAVA_LONG, sequences);
    this.window = arena.allocate(JAVA_INT, 2);
    for (int i = 0; i < sequences; i++) {
      bases.setAtIndex(JAVA_LONG, i, -1);
    }
  }

  /**
   * Returns the bytes of {@code rows} rows.
   *
   * @throws ArithmeticException if they exceed a long
   */
  public static long bytes(TapType type, int width, long rows) {
    require(width > 0, "width " + width + " must be positive");
    require(rows > 0, rows + " rows: must be positive");
    return Math.multiplyExact(rows, Math.multiplyExact((long) width, type.bytes()));
  }

  /** Sets the positions that are copied: {@code from ≤ p < to}. */
  public void positions(int from, int to) {
    require(0 <= from && from <= to, "positions " + from + " to " + to + ": invalid range");
    for (int i = 0; i < sequences; i++) {
      requireRoom(base(i), from, to);
    }
    window.setAtIndex(JAVA_INT, FROM, from);
    window.setAtIndex(JAVA_INT, TO, to);
  }

  /**
   * Sets the row to which the token at position {@code from} of a sequence is copied.
   *
   * @param index index of the sequence in the batch
   * @param base the row, or −1 to tap no token of the sequence
   */
  public void sequence(int index, long base) {
    require(
        index >= 0 && index < sequences,
        "sequence " + index + " is outside 0 to " + (sequences - 1));
    require(base >= -1, "row " + base + " must be at least -1");
    requireRoom(base, from(), to());
    bases.setAtIndex(JAVA_LONG, index, base);
  }

  private void requireRoom(long base, int from, int to) {
    require(
        base <= rows - (to - from),
        "rows from " + base + " for " + (to - from) + " positions exceed the " + rows + " rows");
  }

  /** Returns the row that a token is copied to, or −1 if it is not copied. */
  public long row(int sequence, int position) {
    if (sequence >= sequences || base(sequence) < 0 || position < from() || position >= to()) {
      return -1;
    }
    return base(sequence) + position - from();
  }

  /** Returns the first position that is copied. */
  public int from() {
    return window.getAtIndex(JAVA_INT, FROM);
  }

  /** Returns the position after the last one that is copied. */
  public int to() {
    return window.getAtIndex(JAVA_INT, TO);
  }

  private long base(int sequence) {
    return bases.getAtIndex(JAVA_LONG, sequence);
  }

  /** Returns the type of the elements. */
  public TapType type() {
    return type;
  }

  /** Returns the elements of a row. */
  public int width() {
    return width;
  }

  /** Returns the capacity in rows. */
  public long rows() {
    return rows;
  }

  /** Returns the number of batch sequences that may be tapped. */
  public int sequences() {
    return sequences;
  }

  /** Returns the copied rows, [rows, width] of the type; rows not copied keep their contents. */
  public MemorySegment data() {
    return data;
  }

  /** Returns the memory of native code: int64 bases [sequences], −1 if not tapped. */
  public MemorySegment bases() {
    return bases;
  }

  /** Returns the memory of native code: int32 from and to. */
  public MemorySegment window() {
    return window;
  }
}
