package dev.vidrio.kernel;

/**
 * A reference-counted pool of numbered items, such as the blocks of a cache. An item is free again
 * when its last owner has released it. Not thread-safe.
 */
final class RefCountedPool {
  private final String what;
  private final int[] owners;
  private final int[] free;
  private int freeCount;

  /**
   * Creates a pool of items 0 to {@code count − 1}, which are first acquired in this order.
   *
   * @param what name of an item, for errors
   */
  RefCountedPool(String what, int count) {
    this.what = what;
    this.owners = new int[count];
    this.free = new int[count];
    for (int i = 0; i < count; i++) {
      free[i] = count - 1 - i;
    }
    this.freeCount = count;
  }

  int count() {
    return owners.length;
  }

  int freeCount() {
    return freeCount;
  }

  int acquire() {
    if (freeCount == 0) {
      throw new IllegalStateException(
          "all " + count() + " " + what + "s of the key-value cache are in use");
    }
    int item = free[--freeCount];
    owners[item] = 1;
    return item;
  }

  void retain(int item) {
    requireOwned(item);
    owners[item]++;
  }

  void release(int item) {
    requireOwned(item);
    if (--owners[item] == 0) {
      free[freeCount++] = item;
    }
  }

  int owners(int item) {
    requireOwned(item);
    return owners[item];
  }

  void requireOwned(int item) {
    if (item < 0 || item >= count() || owners[item] == 0) {
      throw new IllegalArgumentException(what + " " + item + " was not acquired");
    }
  }
}
