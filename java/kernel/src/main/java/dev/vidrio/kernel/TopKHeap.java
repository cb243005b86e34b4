package dev.vidrio.kernel;

import java.util.Arrays;

/**
 * Finds the k greatest of a row of floats in one pass: by descending value, then ascending id, with
 * a NaN as the least. A heap whose root is the least of those kept; allocates nothing per row.
 */
public final class TopKHeap {
  private final long[] keys;
  private int k;
  private int size;

  /** Room for {@code capacity} of them. */
  public TopKHeap(int capacity) {
    this.keys = new long[capacity];
  }

  /** Begins a row, of which {@code k} are wanted. */
  public void begin(int k) {
    this.k = k;
    this.size = 0;
  }

  /** Offers the value of an id, once for each id. */
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

  /** Whether k are kept, so that values below that of {@link #least} need not be offered. */
  public boolean isFull() {
    return size == k;
  }

  /** The id of the least that is kept, while {@link #isFull}. */
  public int least() {
    return id(keys[0]);
  }

  /** Puts those that are kept into descending order, and returns how many there are. */
  public int sort() {
    Arrays.sort(keys, 0, size);
    return size;
  }

  /** The i-th id, after {@link #sort}. */
  public int id(int i) {
    return id(keys[i]);
  }

  /** Whether the i-th of these, after {@link #sort}, comes before the value of an id, or is it. */
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
   * Ascends as values descend, then as ids ascend: the upper half is an inverted, sortable float.
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
