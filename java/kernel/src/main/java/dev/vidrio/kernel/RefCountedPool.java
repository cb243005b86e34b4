package dev.vidrio.kernel;

/**
 * Numbered places of a cache, each free or with one or more owners; it is free again once the last
 * owner has released it. Not thread-safe.
 */
final class RefCountedPool {
  private final String what;
  private final int[] owners;
  private final int[] free;
  private int freeCount;

  /**
   * RefCountedPool 0 to {@code count − 1}, which are given in this order.
   *
   * @param what one is called in errors
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
    int place = free[--freeCount];
    owners[place] = 1;
    return place;
  }

  void retain(int place) {
    requireOwned(place);
    owners[place]++;
  }

  void release(int place) {
    requireOwned(place);
    if (--owners[place] == 0) {
      free[freeCount++] = place;
    }
  }

  int owners(int place) {
    requireOwned(place);
    return owners[place];
  }

  void requireOwned(int place) {
    if (place < 0 || place >= count() || owners[place] == 0) {
      throw new IllegalArgumentException(what + " " + place + " was not acquired");
    }
  }
}
