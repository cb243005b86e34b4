package dev.vidrio.model.session;

import static dev.vidrio.error.InvalidInputException.requireRange;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.weight.LowRankTable;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.adapter.Adapter;
import dev.vidrio.model.adapter.AdapterSlots;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A sequence of tokens that a session has run, with its blocks of the key-value cache and, for
 * models with recurrent states, its state slot. Sequences may share blocks and slots; a shared one
 * is copied before it is changed.
 *
 * <p>{@link #fork} continues one prefix in several ways, {@link #truncate} removes the last tokens,
 * and {@link #checkpoint} keeps a prefix for later sequences. Recurrent states are known only from
 * the last multiple of {@value KvShape.Recurrent#SPAN} positions on, so with them a sequence cannot
 * be truncated to any length (see docs/adr/021-recurrences.md). Not thread-safe.
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
   * Creates an empty sequence.
   *
   * @param adapters the session's adapter slots, or null if it has none
   */
  Sequence(KvCache cache, int context, @Nullable AdapterSlots adapters) {
    this.cache = cache;
    this.adapters = adapters;
    this.blocks = new int[KvCache.blocksFor(context)];
  }

  /** Rejects a sequence of another cache, where its block indices are meaningless. */
  void requireIn(KvCache other) {
    if (cache != other) {
      throw new InvalidInputException(
          "sequence", "", "belongs to another session with another key-value cache");
    }
  }

  /** Returns the number of tokens that have run. */
  public int length() {
    return length;
  }

  /**
   * Returns the block of the cache that holds positions {@code i * KvCache.BLOCK} and following.
   *
   * @throws IndexOutOfBoundsException if the sequence is shorter
   */
  public int block(int i) {
    return blocks[Objects.checkIndex(i, blockCount)];
  }

  /** Returns the number of free blocks that this many more tokens need. */
  public int blocksFor(int tokens) {
    int more = KvCache.blocksFor(length + tokens) - blockCount;
    return tokens > 0 && writesShared() ? more + 1 : more;
  }

  /** Returns whether the next token writes to a shared block, which is copied first. */
  public boolean writesShared() {
    int i = length / KvCache.BLOCK;
    return i < blockCount && cache.isShared(blocks[i]);
  }

  /** Returns whether the next token needs a free state slot: there is none yet, or it is shared. */
  public boolean needsSlot() {
    return cache.slots() > 0 && (stateSlot == Batch.NO_SLOT || cache.isSharedSlot(stateSlot));
  }

  /**
   * Checks that this many more tokens can run.
   *
   * @throws IllegalStateException if too few blocks or slots of the cache are free
   */
  void requireCapacity(int tokens) {
    int needed = blocksFor(tokens);
    if (needed > cache.freeBlocks()) {
      throw new IllegalStateException(
          "%s tokens need %s blocks of the key-value cache; %s of %s are free"
              .formatted(tokens, needed, cache.freeBlocks(), cache.blocks()));
    }
    if (needsSlot() && cache.freeSlots() == 0) {
      throw new IllegalStateException(
          "all " + cache.slots() + " slots of the key-value cache are in use");
    }
  }

  /** Returns a new sequence with the same tokens, which shares their blocks and slot. */
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
   * Keeps the blocks and the state of this sequence, for other sequences to {@linkplain #restore
   * resume from}.
   *
   * @param text token ids that begin with those of this sequence
   * @return the checkpoint, which the caller closes
   */
  public SequenceCheckpoint checkpoint(int[] text) {
    return new SequenceCheckpoint(
        cache,
        Arrays.copyOf(text, length),
        Arrays.copyOf(blocks, blockCount),
        stateSlot,
        firstReachable);
  }

  /**
   * Replaces the tokens of this sequence by the first tokens of a checkpoint. Both must use the
   * same session and adapter.
   *
   * @return the new length: {@code newLength}, or 0 if that is before {@link
   *     SequenceCheckpoint#firstReachable}
   * @throws InvalidInputException if the checkpoint is shorter or belongs to another session
   */
  public int restore(SequenceCheckpoint from, int newLength) {
    int[] others = from.blocks(cache);
    var _ = truncate(0);
    share(others, others.length, from.slot());
    length = from.length();
    firstReachable = from.firstReachable();
    return truncate(newLength);
  }

  /**
   * Appends a full block of another sequence, which is shared from now on.
   *
   * @throws IllegalStateException if the last block is not full, the context is full, or the model
   *     has recurrent states, which blocks do not hold
   */
  public void append(int block) {
    if (cache.slots() > 0 || length != blockCount * KvCache.BLOCK || blockCount == blocks.length) {
      throw new IllegalStateException("cannot append a block at position " + length);
    }
    cache.retain(block);
    blocks[blockCount] = block;
    blockCount++;
    length += KvCache.BLOCK;
  }

  /**
   * Sets the adapter. Keys and values depend on it, so the sequence must be empty, and {@linkplain
   * #append appended} blocks must come from sequences with the same adapter.
   *
   * @param wanted the adapter, or null for none
   * @throws InvalidInputException if the sequence is not empty, the adapter is for another model,
   *     or the session has no free adapter slot
   * @throws IllegalStateException if the adapter is closed
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
          "adapter", adapter.name(), "the session was opened without adapter slots");
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

  /** Returns the adapter, or null. */
  public @Nullable Adaptation adaptation() {
    return adaptation;
  }

  /** Sets the adapter of sequence {@code index} of a batch. */
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

  /** Returns the slot of the recurrent states, or {@link Batch#NO_SLOT}. */
  int stateSlot() {
    return stateSlot;
  }

  /** Allocates memory for one more token and returns its position. */
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
   * Returns the smallest length above 0 to which the sequence can be {@linkplain #truncate
   * truncated}. Recurrent states are known from the last multiple of {@value
   * KvShape.Recurrent#SPAN} positions on; without states any length is reachable.
   */
  public int firstReachable() {
    return firstReachable;
  }

  /**
   * Returns how many tokens, from a position on, can run such that the sequence can still be
   * {@linkplain #truncate truncated} to any later position: with recurrent states, those up to the
   * next multiple of {@value KvShape.Recurrent#SPAN} positions; otherwise unlimited.
   */
  public int revocableFrom(int position) {
    int span = KvShape.Recurrent.SPAN;
    return cache.slots() == 0 ? Integer.MAX_VALUE : span - position % span;
  }

  /**
   * Removes the tokens from a position on, or all tokens if the recurrent states of that position
   * are no longer known.
   *
   * @return the new length: {@code newLength}, or 0 if that is before {@link #firstReachable}
   * @throws InvalidInputException if the sequence is shorter
   */
  public int truncate(int newLength) {
    requireRange("length", newLength, 0, length);
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
   * Removes the tokens of a failed step. The sequence has the length from before it, or is empty if
   * the recurrent states of that position are no longer known.
   */
  void rollBack(int lengthBefore) {
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

  /** Releases the blocks, the slot and the adapter. */
  @Override
  public void close() {
    truncate(0);
    releaseAdapter();
  }
}
