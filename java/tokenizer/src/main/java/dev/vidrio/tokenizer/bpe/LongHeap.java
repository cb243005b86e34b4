package dev.vidrio.tokenizer.bpe;

import java.util.Arrays;

/** A binary min-heap of longs. */
final class LongHeap {

  private long[] items = new long[64];
  private int size;

  boolean isEmpty() {
    return size == 0;
  }

  void add(long item) {
    if (size == items.length) {
      items = Arrays.copyOf(items, size * 2);
    }
    int child = size++;
    while (child > 0) {
      int parent = (child - 1) >>> 1;
      if (items[parent] <= item) {
        break;
      }
      items[child] = items[parent];
      child = parent;
    }
    items[child] = item;
  }

  /** Removes and returns the smallest item. The heap must not be empty. */
  long removeFirst() {
    long first = items[0];
    long item = items[--size];
    int parent = 0;
    int child = 1;
    while (child < size) {
      if (child + 1 < size && items[child + 1] < items[child]) {
        child++;
      }
      if (item <= items[child]) {
        break;
      }
      items[parent] = items[child];
      parent = child;
      child = 2 * parent + 1;
    }
    items[parent] = item;
    return first;
  }
}
