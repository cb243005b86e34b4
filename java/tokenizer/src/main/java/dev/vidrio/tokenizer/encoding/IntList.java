package dev.vidrio.tokenizer.encoding;

import java.util.Arrays;

/** A growing list of ints. */
public final class IntList {

  private int[] items;
  private int size;

  /** Creates an empty list. */
  public IntList(int capacity) {
    items = new int[capacity];
  }

  /** Returns the number of items. */
  public int size() {
    return size;
  }

  /** Appends an item. */
  public void add(int item) {
    reserve(1);
    items[size++] = item;
  }

  /** Removes the items from an index on. */
  public void truncate(int newSize) {
    size = newSize;
  }

  void addAll(int[] more) {
    reserve(more.length);
    System.arraycopy(more, 0, items, size, more.length);
    size += more.length;
  }

  private void reserve(int count) {
    if (count > items.length - size) {
      items = Arrays.copyOf(items, Math.max(items.length * 2, size + count));
    }
  }

  /** Returns a copy of the items from an index on. */
  public int[] toArray(int from) {
    return Arrays.copyOfRange(items, from, size);
  }
}
