package dev.vidrio.tokenizer.encoding;

import java.util.Arrays;

/** A growing list of ints. */
public final class IntList {

  private int[] items;
  private int size;

  public IntList(int capacity) {
    items = new int[capacity];
  }

  public int size() {
    return size;
  }

  public void add(int item) {
    reserve(1);
    items[size++] = item;
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

  /** Copies the items from an index on. */
  public int[] toArray(int from) {
    return Arrays.copyOfRange(items, from, size);
  }
}
