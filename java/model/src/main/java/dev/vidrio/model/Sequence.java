package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.weight.LowRankTable;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A sequence of tokens in a session, with its blocks of the key-value cache and, where the model
 * has states, its slot. What is shared with other sequences is copied before a change.
 */
public final class Sequence implements AutoCloseable {
  private final KvCache cache;
  private final @Nullable AdapterSlots adapters;
  private final int[] blocks;
  private int blockCount;
  private int length;
  private int stateSlot = Batch.NO_SLOT;
  private int firstReachable;
  private @Nullable Adaptation adaptation;
  private int slot = LowRankTable.NONE;

  /**
   * @param adapters those of the session, or null where it has no room for any
   */
  Sequence(KvCache cache, int context, @Nullable AdapterSlots adapters) {
    this.cache = cache;
    this.adapters = adapters;
    this.blocks = new int[KvCache.blocksFor(context)];
  }

  /** Its blocks are places in one cache: in another they are somebody else's, or none at all. */
  void requireIn(KvCache other) {
    if (cache != other) {
      throw new InvalidInputException(
          "sequence", "", "is of another session, whose key-value cache this one does not share");
    }
  }

  /** Number of tokens that have run. */
  public int length() {
    return length;
  }

  /**
   * The block of the cache with the keys and values of positions {@code i * KvCache.BLOCK} on.
   *
   * @throws IndexOutOfBoundsException when the sequence is not that long
   */
  public int block(int i) {
    return blocks[Objects.checkIndex(i, blockCount)];
  }

  /** Free blocks that this many more tokens take. */
  public int blocksFor(int tokens) {
    int more = KvCache.blocksFor(length + tokens) - blockCount;
    return tokens > 0 && writesShared() ? more + 1 : more;
  }

  /** Whether the next token changes a block that others own too, so that it is copied first. */
  public boolean writesShared() {
    int i = length / KvCache.BLOCK;
    return i < blockCount && cache.isShared(blocks[i]);
  }

  /** Whether the next token takes a free slot: it has none where it needs one, or shares it. */
  public boolean needsSlot() {
    return cache.slots() > 0 && (stateSlot == Batch.NO_SLOT || cache.isSharedSlot(stateSlot));
  }

  /**
   * Checks that so many more tokens can run.
   *
   * @throws IllegalStateException when too little of the cache is free
   */
  void requireRoom(int tokens) {
    int needed = blocksFor(tokens);
    if (needed > cache.freeBlocks()) {
      throw new IllegalStateException(
          tokens
              + " tokens need "
              + needed
              + " blocks of the key-value cache; "
              + cache.freeBlocks()
              + " of "
              + cache.blocks()
              + " are free");
    }
    if (needsSlot() && cache.freeSlots() == 0) {
      throw new IllegalStateException(
          "all " + cache.slots() + " slots of the key-value cache are in use");
    }
  }

  /** A sequence that has run the same tokens, and shares their keys and values. */
  public Sequence fork() {
    var fork = new Sequence(cache, blocks.length * KvCache.BLOCK, adapters);
    fork.adapt(adaptation);
    fork.share(blocks, blockCount, stateSlot);
    fork.length = length;
    fork.firstReachable = firstReachable;
    return fork;
  }

  private void share(int[] others, int count, int otherSlot) {
    for (int i = 0; i < count; i++) {
      cache.retain(others[i]);
      blocks[i] = others[i];
    }
    blockCount = count;
    if (otherSlot != Batch.NO_SLOT) {
      cache.retainSlot(otherSlot);
    }
    stateSlot = otherSlot;
  }

  /**
   * Keeps what has been computed of its tokens, to {@linkplain #restore go on from} once more.
   *
   * @param text that it runs, whose first tokens have run
   * @return what the caller has to close
   */
  public Checkpoint checkpoint(int[] text) {
    return new Checkpoint(
        cache,
        Arrays.copyOf(text, length),
        Arrays.copyOf(blocks, blockCount),
        stateSlot,
        firstReachable);
  }

  /**
   * Has the first tokens of a checkpoint in place of its own. Both have to be of the same session
   * and have the same adapter.
   *
   * @return how many: {@code newLength}, or 0 where that is before {@link
   *     Checkpoint#firstReachable}
   * @throws InvalidInputException when the checkpoint is not that long, or is another session's
   */
  public int restore(Checkpoint from, int newLength) {
    int[] others = from.blocks(cache);
    var _ = truncate(0);
    share(others, others.length, from.slot());
    length = from.length();
    firstReachable = from.firstReachable();
    return truncate(newLength);
  }

  /**
   * Continues with the tokens of a full block of another sequence, which it shares from now on.
   *
   * @throws IllegalStateException when its own blocks are not full, or the context is, or the model
   *     has states, which a block does not hold
   */
  public void append(int block) {
    if (cache.slots() > 0 || length != blockCount * KvCache.BLOCK || blockCount == blocks.length) {
      throw new IllegalStateException("no block can follow position " + length);
    }
    cache.retain(block);
    blocks[blockCount] = block;
    blockCount++;
    length += KvCache.BLOCK;
  }

  /**
   * Has an adapter from now on, in place of the one before. Keys and values depend on it, so the
   * sequence must be empty, and blocks that are {@link #append appended} must be of sequences with
   * the same one.
   *
   * @param wanted null for none
   * @throws InvalidInputException when the sequence is not empty, the adapter is for another model,
   *     or the session has no room for one more
   * @throws IllegalStateException when the adapter is closed
   */
  public void adapt(@Nullable Adaptation wanted) {
    if (length > 0) {
      throw new InvalidInputException(
          "adapter", "", "the sequence has run " + length + " tokens without it");
    }
    int taken = wanted == null ? LowRankTable.NONE : acquire(wanted.adapter());
    releaseAdapter();
    slot = taken;
    adaptation = wanted;
  }

  private int acquire(Adapter adapter) {
    if (adapters == null) {
      throw new InvalidInputException(
          "adapter", adapter.name(), "the session was opened without room for adapters");
    }
    return adapters.acquire(adapter);
  }

  private void releaseAdapter() {
    if (adapters != null && slot != LowRankTable.NONE) {
      adapters.release(slot);
    }
    slot = LowRankTable.NONE;
    adaptation = null;
  }

  /** The adapter that it has, or null. */
  public @Nullable Adaptation adaptation() {
    return adaptation;
  }

  /** Says which adapter it has, as sequence {@code index} of a batch. */
  void choose(int index) {
    if (adapters != null && adaptation != null) {
      adapters.choose(index, slot, adaptation.strength());
    }
  }

  int[] blocks() {
    return blocks;
  }

  int blockCount() {
    return blockCount;
  }

  /** The slot of its states. */
  int stateSlot() {
    return stateSlot;
  }

  /** Makes room for one more token and returns its position. */
  int extend() {
    if (length == blockCount * KvCache.BLOCK) {
      blocks[blockCount] = cache.acquire();
      blockCount++;
    } else if (writesShared()) {
      int own = cache.acquire();
      cache.copy(blocks[blockCount - 1], own);
      cache.release(blocks[blockCount - 1]);
      blocks[blockCount - 1] = own;
    }
    if (cache.slots() > 0) {
      extendStates();
    }
    return length++;
  }

  private void extendStates() {
    if (needsSlot()) {
      int own = cache.acquireSlot();
      if (stateSlot != Batch.NO_SLOT) {
        cache.copySlot(stateSlot, own);
        cache.releaseSlot(stateSlot);
      }
      stateSlot = own;
    }
    int span = length / KvShape.Recurrent.SPAN * KvShape.Recurrent.SPAN;
    firstReachable = Math.max(firstReachable, span);
  }

  /**
   * The first position, but for 0, that it can be {@linkplain #truncate cut back} to: where the
   * model has states, they are known from the last multiple of 16 positions on.
   */
  public int firstReachable() {
    return firstReachable;
  }

  /**
   * How many tokens can run from a position on, this one among them, so that the sequence can still
   * be {@linkplain #truncate cut back} to any place behind it: where the model has states, those up
   * to the next multiple of 16 positions; otherwise there is no limit.
   */
  public int revocableFrom(int position) {
    int span = KvShape.Recurrent.SPAN;
    return cache.slots() == 0 ? Integer.MAX_VALUE : span - position % span;
  }

  /**
   * Forgets the tokens from a position on, or all of them where the states there are no longer
   * known.
   *
   * @return how many are left: {@code newLength}, or 0 where that is before {@link #firstReachable}
   * @throws InvalidInputException when the sequence is not that long
   */
  public int truncate(int newLength) {
    if (newLength < 0 || newLength > length) {
      throw new InvalidInputException(
          "length", Integer.toString(newLength), "must be 0 to " + length);
    }
    int left = newLength < firstReachable ? 0 : newLength;
    while (blockCount > KvCache.blocksFor(left)) {
      blockCount--;
      cache.release(blocks[blockCount]);
    }
    if (left == 0) {
      releaseSlot();
    }
    length = left;
    return left;
  }

  /**
   * Forgets what it was to run in a step or a text that failed: it has the length from before it,
   * or is empty where it had states then that are no longer known.
   */
  void goBack(int lengthBefore) {
    if (length > lengthBefore) {
      var _ = truncate(lengthBefore);
    }
  }

  private void releaseSlot() {
    if (stateSlot != Batch.NO_SLOT) {
      cache.releaseSlot(stateSlot);
    }
    stateSlot = Batch.NO_SLOT;
    firstReachable = 0;
  }

  /** Gives its blocks and its adapter back. */
  @Override
  public void close() {
    truncate(0);
    releaseAdapter();
  }
}
