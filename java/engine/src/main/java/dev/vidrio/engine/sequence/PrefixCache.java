package dev.vidrio.engine.sequence;

import dev.vidrio.kernel.KvCache;
import org.jspecify.annotations.Nullable;

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
   * @param disk keeps prefixes for later processes; null for none
   */
  static PrefixCache of(KvCache cache, Iterable<TokenSequence> running, @Nullable PrefixDisk disk) {
    return cache.slots() == 0
        ? new PrefixBlocks(cache, disk)
        : new PrefixCheckpoints(cache, running, disk);
  }

  /** Memory and time of a step for prefixes that are loaded from disk. */
  interface Room {
    /** No memory and no time, so that only prefixes in memory are used. */
    Room NONE =
        new Room() {
          @Override
          public boolean hasBlock() {
            return false;
          }

          @Override
          public boolean hasSlot() {
            return false;
          }

          @Override
          public boolean isLate() {
            return false;
          }
        };

    /** Frees a block that the step does not need, if there is none; returns false if it cannot. */
    boolean hasBlock();

    /** Frees a state slot that the step does not need; returns false if it cannot. */
    boolean hasSlot();

    /** Returns whether other sequences would wait too long. */
    boolean isLate();
  }

  /**
   * Lets a sequence continue from a cached prefix, if that is longer than what has run.
   *
   * @return false if the rest of the prefix is to be loaded in the next step, so that the sequence
   *     must not run in this one
   */
  default boolean share(TokenSequence tokens, Room room) {
    return true;
  }

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
