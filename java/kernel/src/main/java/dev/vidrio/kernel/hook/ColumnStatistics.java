package dev.vidrio.kernel.hook;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Running statistics of an activation's columns, off-heap, in the memory of six rows whatever their
 * number. {@link dev.vidrio.kernel.op.HookOp.Accumulate} adds rows to them. Initially no sequence
 * counts.
 *
 * <p>Not thread-safe. Plans that add to them must not outlive their arena.
 */
public final class ColumnStatistics {
  private static final int BYTES = 2 * (Double.BYTES + Float.BYTES);

  private final int width;
  private final int count;
  private final int sequences;
  private final MemorySegment sums;
  private final MemorySegment bounds;
  private final MemorySegment slots;

  /**
   * Statistics of no rows.
   *
   * @param width of the activation
   * @param count statistics that are kept apart, such as those of several texts
   * @param sequences sequences of a batch that may count
   * @param memory of the executor, as long as {@link #bytes} says
   * @param arena of what else it needs
   */
  public ColumnStatistics(int width, int count, int sequences, MemorySegment memory, Arena arena) {
    require(memory.byteSize() == bytes(width, count), "memory of " + memory.byteSize() + " bytes");
    require(sequences > 0, sequences + " sequences are not positive");
    this.width = width;
    this.count = count;
    this.sequences = sequences;
    long elements = 2L * width * count;
    this.sums = memory.asSlice(0, elements * Double.BYTES).fill((byte) 0);
    this.bounds = memory.asSlice(elements * Double.BYTES);
    this.slots = arena.allocate(JAVA_INT, sequences);
    for (int i = 0; i < sequences; i++) {
      slots.setAtIndex(JAVA_INT, i, -1);
    }
    for (int k = 0; k < count; k++) {
      for (int j = 0; j < width; j++) {
        bounds.setAtIndex(JAVA_FLOAT, at(k, j), Float.POSITIVE_INFINITY);
        bounds.setAtIndex(JAVA_FLOAT, at(k, j) + width, Float.NEGATIVE_INFINITY);
      }
    }
  }

  /**
   * Bytes that so many statistics of an activation take.
   *
   * @throws ArithmeticException when they exceed a long
   */
  public static long bytes(int width, int count) {
    require(width > 0, "width " + width + " is not positive");
    require(count > 0, count + " statistics are not positive");
    return Math.multiplyExact((long) BYTES * width, (long) count);
  }

  /**
   * From now on rows of a sequence count here.
   *
   * @param index of the sequence in the batch
   * @param slot which of the statistics, or −1: nowhere
   */
  public void sequence(int index, int slot) {
    Objects.checkIndex(index, sequences);
    require(slot >= -1 && slot < count, "statistics " + slot + " are not among " + count);
    slots.setAtIndex(JAVA_INT, index, slot);
  }

  /** Where rows of a sequence count, or −1. */
  public int slot(int sequence) {
    return sequence < sequences ? slots.getAtIndex(JAVA_INT, sequence) : -1;
  }

  /** Σ x of a column. */
  public double sum(int slot, int column) {
    return sums.getAtIndex(JAVA_DOUBLE, at(slot, column));
  }

  /** Σ x² of a column. */
  public double squares(int slot, int column) {
    return sums.getAtIndex(JAVA_DOUBLE, at(slot, column) + width);
  }

  /** The least x of a column; infinity where there was none. */
  public float least(int slot, int column) {
    return bounds.getAtIndex(JAVA_FLOAT, at(slot, column));
  }

  /** The greatest x of a column; −infinity where there was none. */
  public float greatest(int slot, int column) {
    return bounds.getAtIndex(JAVA_FLOAT, at(slot, column) + width);
  }

  private long at(int slot, int column) {
    return 2L * Objects.checkIndex(slot, count) * width + Objects.checkIndex(column, width);
  }

  /** Adds x to a column. */
  public void add(int slot, int column, float x) {
    long at = at(slot, column);
    sums.setAtIndex(JAVA_DOUBLE, at, sum(slot, column) + x);
    sums.setAtIndex(JAVA_DOUBLE, at + width, squares(slot, column) + (double) x * x);
    if (x < least(slot, column)) {
      bounds.setAtIndex(JAVA_FLOAT, at, x);
    }
    if (x > greatest(slot, column)) {
      bounds.setAtIndex(JAVA_FLOAT, at + width, x);
    }
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

  /** Statistics that are kept apart. */
  public int count() {
    return count;
  }

  /** Sequences of a batch that may count. */
  public int sequences() {
    return sequences;
  }

  /** As native code reads them: f64 sums [count, 2, width], of x and of x². */
  public MemorySegment sums() {
    return sums;
  }

  /** As native code reads them: f32 [count, 2, width], the least x and the greatest. */
  public MemorySegment bounds() {
    return bounds;
  }

  /** As native code reads them: int32 slots of the sequences, −1 where they do not count. */
  public MemorySegment slots() {
    return slots;
  }
}
