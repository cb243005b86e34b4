package dev.vidrio.kernel.hook;

import static dev.vidrio.kernel.argument.Arguments.require;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Running statistics of an activation's columns (sum, sum of squares, minimum, maximum), off-heap,
 * in the memory of six rows regardless of how many rows are added. {@link
 * dev.vidrio.kernel.op.HookOp.Accumulate} adds rows to them. Initially no sequence is counted.
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
   * Creates statistics of no rows.
   *
   * @param width of the activation
   * @param count number of separate statistics, such as of several sequences
   * @param sequences number of batch sequences that may be counted
   * @param memory memory of the executor, of size {@link #bytes}
   * @param arena holds everything else
   */
  public ColumnStatistics(int width, int count, int sequences, MemorySegment memory, Arena arena) {
    require(memory.byteSize() == bytes(width, count), "memory of " + memory.byteSize() + " bytes");
    require(sequences > 0, sequences + " sequences: must be positive");
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
   * Returns the bytes of {@code count} statistics of an activation.
   *
   * @throws ArithmeticException if they exceed a long
   */
  public static long bytes(int width, int count) {
    require(width > 0, "width " + width + " must be positive");
    require(count > 0, count + " statistics: must be positive");
    return Math.multiplyExact((long) BYTES * width, (long) count);
  }

  /**
   * Sets the statistics that the rows of a sequence are added to.
   *
   * @param index index of the sequence in the batch
   * @param slot index of the statistics, or −1 for none
   */
  public void sequence(int index, int slot) {
    Objects.checkIndex(index, sequences);
    require(slot >= -1 && slot < count, "statistics " + slot + " not found; there are " + count);
    slots.setAtIndex(JAVA_INT, index, slot);
  }

  /** Returns the statistics that the rows of a sequence are added to, or −1. */
  public int slot(int sequence) {
    return sequence < sequences ? slots.getAtIndex(JAVA_INT, sequence) : -1;
  }

  /** Returns Σ x of a column. */
  public double sum(int slot, int column) {
    return sums.getAtIndex(JAVA_DOUBLE, at(slot, column));
  }

  /** Returns Σ x² of a column. */
  public double squares(int slot, int column) {
    return sums.getAtIndex(JAVA_DOUBLE, at(slot, column) + width);
  }

  /** Returns the minimum of a column, or infinity if no row was added. */
  public float min(int slot, int column) {
    return bounds.getAtIndex(JAVA_FLOAT, at(slot, column));
  }

  /** Returns the maximum of a column, or −infinity if no row was added. */
  public float max(int slot, int column) {
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
    if (x < min(slot, column)) {
      bounds.setAtIndex(JAVA_FLOAT, at, x);
    }
    if (x > max(slot, column)) {
      bounds.setAtIndex(JAVA_FLOAT, at + width, x);
    }
  }

  /** Returns the elements of a row. */
  public int width() {
    return width;
  }

  /** Returns the number of separate statistics. */
  public int count() {
    return count;
  }

  /** Returns the number of batch sequences that may be counted. */
  public int sequences() {
    return sequences;
  }

  /** As native code reads them: f64 sums [count, 2, width], of x and of x². */
  public MemorySegment sums() {
    return sums;
  }

  /** Returns the memory of native code: f32 [count, 2, width], minima and maxima. */
  public MemorySegment bounds() {
    return bounds;
  }

  /** Returns the memory of native code: int32 [sequences], −1 if not counted. */
  public MemorySegment slots() {
    return slots;
  }
}
