package dev.vidrio.lens.decode.sae.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Rows of floats outside the heap, up to a capacity. Memory is allocated as rows are added, and
 * kept. Not thread-safe.
 */
public final class ActivationRows implements AutoCloseable {
  /** Approximate bytes of an allocation. */
  private static final long BLOCK = 16 << 20;

  private final Arena arena = Arena.ofShared();
  private final List<MemorySegment> blocks = new ArrayList<>();
  private final int columns;
  private final int capacity;
  private final int blockRows;
  private int size;

  /**
   * Creates memory without rows.
   *
   * @param columns floats of a row
   */
  public ActivationRows(int columns, int capacity) {
    this.columns = columns;
    this.capacity = capacity;
    this.blockRows = Math.clamp(BLOCK / bytes(1), 1, capacity);
  }

  private long bytes(int rows) {
    return (long) Float.BYTES * columns * rows;
  }

  /** Returns the number of rows. */
  public int size() {
    return size;
  }

  /** Returns whether the capacity is reached. */
  public boolean isFull() {
    return size == capacity;
  }

  /** Removes all rows. */
  void clear() {
    size = 0;
  }

  /** Appends a row, the concatenation of its parts. */
  public void add(float[]... parts) {
    if (size == blocks.size() * (long) blockRows) {
      blocks.add(arena.allocate(bytes(blockRows), Float.BYTES));
    }
    MemorySegment block = blocks.get(size / blockRows);
    long at = bytes(size % blockRows);
    for (float[] part : parts) {
      MemorySegment.copy(part, 0, block, JAVA_FLOAT, at, part.length);
      at += (long) Float.BYTES * part.length;
    }
    size++;
  }

  /** Copies row i. */
  public void copy(int i, float[] row) {
    MemorySegment.copy(
        blocks.get(i / blockRows), JAVA_FLOAT, bytes(i % blockRows), row, 0, columns);
  }

  @Override
  public void close() {
    arena.close();
  }
}
