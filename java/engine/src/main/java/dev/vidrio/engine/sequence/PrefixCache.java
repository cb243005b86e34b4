package dev.vidrio.engine.sequence;

import dev.vidrio.kernel.KvCache;

/**
 * Keeps computed prefixes for later requests that begin with the same tokens, until their memory is
 * needed. The default methods keep nothing. Used by the scheduler's thread only.
 */
public interface PrefixCache {
  /** Keeps nothing. */
  PrefixCache NONE = new PrefixCache() {};

  /**
   * Returns a prefix cache of blocks or, for models with recurrent states, of checkpoints.
   *
   * @param running the sequences of the requests that run, now and later
   */
  static PrefixCache of(KvCache cache, Iterable<TokenSequence> running) {
    return cache.slots() == 0 ? new PrefixBlocks(cache) : new PrefixCheckpoints(cache, running);
  }

  /** Lets a sequence continue from a cached prefix, if that is longer than what has run. */
  default void share(TokenSequence tokens) {}

  /** Returns how many of the next {@code count} tokens may run before a prefix is to be kept. */
  default int chunk(TokenSequence tokens, int count) {
    return count;
  }

  /** Keeps prefixes of a sequence that has run some tokens. */
  default void keep(TokenSequence tokens) {}

  /** Keeps the prefix of a sequence that has ended, before its memory is released. */
  default void end(TokenSequence tokens) {}

  /** Frees blocks that no sequence owns; returns false if there are none. */
  default boolean evict() {
    return false;
  }

  /**
   * Evicts a prefix with the block that a sequence writes next, so that the block need not be
   * copied; returns false if there is none.
   */
  default boolean unshare(TokenSequence tokens) {
    return false;
  }

  /** Evicts a prefix that may be the last owner of a state slot; returns false if there is none. */
  default boolean evictSlot() {
    return false;
  }

  /** Returns the number of blocks that no sequence owns. */
  default int evictable() {
    return 0;
  }

  /** Returns the number of state slots that no sequence owns. */
  default int evictableSlots() {
    return 0;
  }

  /** Evicts everything. */
  default void clear() {}
}
