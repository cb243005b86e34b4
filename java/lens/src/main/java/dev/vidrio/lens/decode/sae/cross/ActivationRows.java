package dev.vidrio.lens.decode.sae.cross;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Rows of floats outside the heap, up to a capacity. Not thread-safe. */
final class ActivationRows implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final MemorySegment data;
  private final int columns;
  private final int capacity;
  private int size;

  /**
   * Allocates memory.
   *
   * @param columns floats of a row
   */
  ActivationRows(int columns, int capacity) {
    this.columns = columns;
    this.capacity = capacity;
    try {
      this.data = arena.allocate(4L * columns * capacity, Float.BYTES);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  int size() {
    return size;
  }

  boolean isFull() {
    return size == capacity;
  }

  void clear() {
    size = 0;
  }

  /** Appends a row, whose parts are concatenated. */
  void add(float[]... parts) {
    long at = 4L * columns * size;
    for (float[] part : parts) {
      MemorySegment.copy(part, 0, data, JAVA_FLOAT, at, part.length);
      at += 4L * part.length;
    }
    size++;
  }

  /** Copies row i. */
  void copy(int i, float[] row) {
    MemorySegment.copy(data, JAVA_FLOAT, 4L * columns * i, row, 0, columns);
  }

  @Override
  public void close() {
    arena.close();
  }
}
