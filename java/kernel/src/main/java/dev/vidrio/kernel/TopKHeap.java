package dev.vidrio.kernel;

import java.util.Arrays;

/**
 * Finds the k largest elements of a row of floats in one pass: by descending value, then ascending
 * id, NaN last. It is a heap with the smallest of the kept elements at its root, and allocates
 * nothing per row. Not thread-safe.
 */
public final class TopKHeap {
  private final long[] keys;
  private int k;
  private int size;

  /** Creates a heap for k up to {@code capacity}. */
  public TopKHeap(int capacity) {
    this.keys = new long[capacity];
  }

  /** Starts the search for the {@code k} largest elements of a row. */
  public void begin(int k) {
    this.k = k;
    this.size = 0;
  }

  /** Offers the value of an id; each id at most once per row. */
  public void offer(float value, int id) {
    long key = key(value, id);
    if (size < k) {
      keys[size++] = key;
      if (size == k) {
        for (int i = k / 2 - 1; i >= 0; i--) {
          siftDown(i);
        }
      }
    } else if (key < keys[0]) {
      keys[0] = key;
      siftDown(0);
    }
  }

  /** Returns the id of the smallest kept element if k are kept. */
  public int smallest() {
    return id(keys[0]);
  }

  /** Sorts the kept elements in descending order and returns their number. */
  public int sort() {
    Arrays.sort(keys, 0, size);
    return size;
  }

  /** Returns the i-th id, after {@link #sort}. */
  public int id(int i) {
    return id(keys[i]);
  }

  /** Returns the i-th value, after {@link #sort}; negative infinity for NaN. */
  public float value(int i) {
    int ascending = ~(int) (keys[i] >>> 32);
    return Float.intBitsToFloat(ascending ^ ((ascending >> 31) & Integer.MAX_VALUE));
  }

  /** Returns whether the i-th element, after {@link #sort}, is the given one or ranks before it. */
  public boolean reaches(int i, float value, int id) {
    return keys[i] <= key(value, id);
  }

  private void siftDown(int start) {
    long key = keys[start];
    int i = start;
    for (int child = 2 * i + 1; child < k; child = 2 * i + 1) {
      if (child + 1 < k && keys[child + 1] > keys[child]) {
        child++;
      }
      if (keys[child] <= key) {
        break;
      }
      keys[i] = keys[child];
      i = child;
    }
    keys[i] = key;
  }

  /**
   * Returns a key that ascends as values descend, then as ids ascend: its upper half is an
   * inverted, sortable float.
   */
  private static long key(float value, int id) {
    int bits = Float.floatToIntBits(Float.isNaN(value) ? Float.NEGATIVE_INFINITY : value + 0.0f);
    int ascending = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
    return ((long) ~ascending << 32) | id;
  }

  private static int id(long key) {
    return (int) key;
  }
}
