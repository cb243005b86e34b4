package dev.vidrio.model;

import dev.vidrio.kernel.KvCache;

/** A sequence of tokens in a session: how long it is, and which blocks of the cache it owns. */
public final class Sequence implements AutoCloseable {
  private final KvCache cache;
  private final int[] blocks;
  private int blockCount;
  private int length;

  Sequence(KvCache cache, int context) {
    this.cache = cache;
    this.blocks = new int[KvCache.blocksFor(context)];
  }

  /** Number of tokens that have run. */
  public int length() {
    return length;
  }

  int[] blocks() {
    return blocks;
  }

  int blockCount() {
    return blockCount;
  }

  /** Makes room for one more token and returns its position. */
  int extend() {
    if (length == blockCount * KvCache.BLOCK) {
      blocks[blockCount] = cache.acquire();
      blockCount++;
    }
    return length++;
  }

  /**
   * Forgets the tokens from a position on.
   *
   * @throws InvalidInputException when the sequence is not that long
   */
  public void truncate(int newLength) {
    if (newLength < 0 || newLength > length) {
      throw new InvalidInputException(
          "length", Integer.toString(newLength), "must be 0 to " + length);
    }
    while (blockCount > KvCache.blocksFor(newLength)) {
      blockCount--;
      cache.release(blocks[blockCount]);
    }
    length = newLength;
  }

  /** Gives its blocks back. */
  @Override
  public void close() {
    truncate(0);
  }
}
