package dev.vidrio.tokenizer.bpe;

import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A map from long to non-negative int: open addressing, linear probing, multiplicative hashing. The
 * multiplier is random, so that a model file cannot contain keys chosen to collide.
 */
final class LongIntMap {

  private static final int ABSENT = -1;

  private final long multiplier = ThreadLocalRandom.current().nextLong() | 1;
  private final long[] keys;
  private final int[] values;
  private final int shift;

  /** Creates a map for up to {@code capacity} entries. */
  LongIntMap(int capacity) {
    int bits = Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(capacity, 1) * 2 - 1);
    keys = new long[1 << bits];
    values = new int[1 << bits];
    Arrays.fill(values, ABSENT);
    shift = Long.SIZE - bits;
  }

  /** Adds an entry and returns −1, or returns the existing value. */
  int putIfAbsent(long key, int value) {
    int slot = slot(key);
    if (values[slot] == ABSENT) {
      keys[slot] = key;
      values[slot] = value;
      return ABSENT;
    }
    return values[slot];
  }

  /** Returns the value of a key, or −1. */
  int get(long key) {
    return values[slot(key)];
  }

  private int slot(long key) {
    int mask = keys.length - 1;
    int slot = (int) ((key * multiplier) >>> shift);
    while (values[slot] != ABSENT && keys[slot] != key) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }
}
