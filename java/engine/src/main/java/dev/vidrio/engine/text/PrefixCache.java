package dev.vidrio.engine.text;

import dev.vidrio.kernel.KvCache;
import java.util.Collection;

/**
 * What is kept of texts that have run, for later ones that begin with the same tokens, until
 * somebody needs the memory. As they are here, the methods keep nothing. For one thread.
 */
public interface PrefixCache {
  /** Keeps nothing. */
  PrefixCache NONE = new PrefixCache() {};

  /**
   * What suits a cache: its blocks or, where the model has states, checkpoints.
   *
   * @param running the requests that run, now and later
   */
  static PrefixCache of(KvCache cache, Collection<Active> running) {
    return cache.slots() == 0 ? new PrefixBlocks(cache) : new PrefixCheckpoints(cache, running);
  }

  /** Lets a text go on from what is kept, where that is further than it is. */
  default void share(Branch branch) {}

  /** How many of the next {@code tokens} of a text may run before something is to be kept of it. */
  default int chunk(Branch branch, int tokens) {
    return tokens;
  }

  /** Keeps what it should of a text that has run some tokens. */
  default void keep(Branch branch) {}

  /** Keeps what it should of a text that has ended, but has its sequence yet. */
  default void end(Branch branch) {}

  /** Frees some blocks that no sequence owns; false where there are none. */
  default boolean evict() {
    return false;
  }

  /**
   * Gives something up that has the block which a text changes next, so that this need not be
   * copied; false where nothing has it.
   */
  default boolean unshare(Branch branch) {
    return false;
  }

  /** Gives a slot up, of which it may be the last owner; false where it has none. */
  default boolean evictSlot() {
    return false;
  }

  /** Blocks that no sequence owns. */
  default int evictable() {
    return 0;
  }

  /** Slots that no sequence owns. */
  default int evictableSlots() {
    return 0;
  }

  /** Frees all. */
  default void clear() {}
}
