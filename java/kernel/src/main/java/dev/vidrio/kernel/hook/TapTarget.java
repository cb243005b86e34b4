package dev.vidrio.kernel.hook;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The off-heap memory to which a tap copies rows of an activation: the token at position p of a
 * sequence goes to row {@code base + p − from} of {@link #data}, where {@code from ≤ p < to}. The
 * tapped sequences and positions may change between steps; a growing sequence needs no update.
 * Initially nothing is tapped.
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
   * Room for {@code rows} rows of an activation.
   *
   * @param type of the elements copied
   * @param width of the activation
   * @param sequences sequences of a batch that may be tapped
   * @param data memory of the executor, as long as {@link #bytes} says
   * @param arena of what else it needs
   */
  public TapTarget(
      TapType type, int width, long rows, int sequences, MemorySegment data, Arena arena) {
    require(sequences > 0, sequences + " sequences are not positive");
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
   * Bytes of so many rows.
   *
   * @throws ArithmeticException when they exceed a long
   */
  public static long bytes(TapType type, int width, long rows) {
    require(width > 0, "width " + width + " is not positive");
    require(rows > 0, rows + " rows are not positive");
    return Math.multiplyExact(rows, Math.multiplyExact((long) width, type.bytes()));
  }

  /** From now on only tokens at positions {@code from ≤ p < to} are copied. */
  public void positions(int from, int to) {
    require(0 <= from && from <= to, "positions " + from + " to " + to + " are no range");
    for (int i = 0; i < sequences; i++) {
      requireRoom(base(i), from, to);
    }
    window.setAtIndex(JAVA_INT, FROM, from);
    window.setAtIndex(JAVA_INT, TO, to);
  }

  /**
   * From now on the token at position {@code from} of a sequence is copied to row {@code base}.
   *
   * @param index of the sequence in the batch
   * @param base −1: the sequence is not tapped
   */
  public void sequence(int index, long base) {
    require(
        index >= 0 && index < sequences,
        "sequence " + index + " is outside 0 to " + (sequences - 1));
    require(base >= -1, "row " + base + " is negative");
    requireRoom(base, from(), to());
    bases.setAtIndex(JAVA_LONG, index, base);
  }

  private void requireRoom(long base, int from, int to) {
    require(
        base <= rows - (to - from),
        "rows from " + base + " for " + (to - from) + " positions exceed the " + rows + " rows");
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  /** The row that a token is copied to, or −1 where it is not. */
  public long row(int sequence, int position) {
    if (sequence >= sequences || base(sequence) < 0 || position < from() || position >= to()) {
      return -1;
    }
    return base(sequence) + position - from();
  }

  /** The first position that is copied. */
  public int from() {
    return window.getAtIndex(JAVA_INT, FROM);
  }

  /** The position after the last one that is copied. */
  public int to() {
    return window.getAtIndex(JAVA_INT, TO);
  }

  private long base(int sequence) {
    return bases.getAtIndex(JAVA_LONG, sequence);
  }

  /** The type of the elements. */
  public TapType type() {
    return type;
  }

  /** Elements of a row. */
  public int width() {
    return width;
  }

  /** Rows that it has room for. */
  public long rows() {
    return rows;
  }

  /** Sequences of a batch that may be tapped. */
  public int sequences() {
    return sequences;
  }

  /** What was copied: [rows, width] of the type; elsewhere what the memory held. */
  public MemorySegment data() {
    return data;
  }

  /** As native code reads them: int64 bases of the sequences, −1 where they are not tapped. */
  public MemorySegment bases() {
    return bases;
  }

  /** As native code reads them: int32 from and to. */
  public MemorySegment window() {
    return window;
  }
}
