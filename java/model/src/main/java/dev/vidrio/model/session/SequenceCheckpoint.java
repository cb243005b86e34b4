package dev.vidrio.model.session;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import java.util.Arrays;

/**
 * A computed prefix of a sequence: its blocks of the key-value cache and, for models with recurrent
 * states, its slot. They are shared with the {@linkplain Sequence#checkpoint sequence} until that
 * writes to them. Other sequences {@linkplain Sequence#restore resume} from the checkpoint; with
 * recurrent states, only from its last positions. Not thread-safe.
 */
public final class SequenceCheckpoint implements AutoCloseable {
  /**
   * The minimum number of tokens that a checkpoint should save, so that short prompts use no
   * memory.
   */
  public static final int MIN_TOKENS = KvCache.BLOCK;

  private final KvCache cache;
  private final int[] tokens;
  private final int[] blocks;
  private final int slot;
  private final int firstReachable;
  private boolean closed;

  /**
   * Creates a checkpoint of a state that was computed elsewhere. It retains the blocks and the
   * slot.
   *
   * @param tokens the tokens of the prefix
   * @param blocks the blocks that hold their positions
   * @param slot the states after the last token, or {@link Batch#NO_SLOT}
   * @param firstReachable the smallest length above 0 from which a sequence can resume
   */
  public SequenceCheckpoint(
      KvCache cache, int[] tokens, int[] blocks, int slot, int firstReachable) {
    this.cache = cache;
    this.tokens = tokens;
    this.blocks = blocks;
    this.slot = slot;
    this.firstReachable = firstReachable;
    for (int block : blocks) {
      cache.retain(block);
    }
    if (slot != Batch.NO_SLOT) {
      cache.retainSlot(slot);
    }
  }

  /**
   * Returns the position at which to take a checkpoint of a prompt, such that the next turn of a
   * chat can resume from it: the last multiple of {@value KvShape.Recurrent#SPAN} before the last
   * token. The template may render the last 17 tokens of the prompt differently in the next turn.
   *
   * @return a position; 0 if the prompt is too short
   */
  public static int positionFor(int promptTokens) {
    return (promptTokens - 1) / KvShape.Recurrent.SPAN * KvShape.Recurrent.SPAN;
  }

  /** Returns the number of tokens. */
  public int length() {
    return tokens.length;
  }

  /** Returns a copy of the tokens. */
  public int[] tokens() {
    return tokens.clone();
  }

  /** Returns the smallest length above 0 from which a sequence can resume. */
  public int firstReachable() {
    return firstReachable;
  }

  /** Returns the length of the common prefix with the first {@code count} ids of a text. */
  public int common(int[] text, int count) {
    int mismatch = Arrays.mismatch(tokens, 0, tokens.length, text, 0, count);
    return mismatch < 0 ? count : mismatch;
  }

  /**
   * Returns how many tokens of a text need not run again: the common prefix, without the last token
   * of the text, which must run for its logits.
   *
   * @param count number of tokens of the text
   * @return 0 if the common prefix ends before {@link #firstReachable}
   */
  public int reach(int[] text, int count) {
    int max = Math.min(common(text, count), count - 1);
    return max < firstReachable ? 0 : max;
  }

  /** Returns a copy of the block indices in the key-value cache. */
  public int[] blocks() {
    return blocks.clone();
  }

  /** Returns the block indices, for a sequence of the given cache. */
  int[] blocks(KvCache wanted) {
    if (closed) {
      throw new IllegalStateException("the checkpoint is closed");
    }
    if (cache != wanted) {
      throw new InvalidInputException(
          "checkpoint", "", "belongs to another session with another key-value cache");
    }
    return blocks;
  }

  /** Returns the state slot in the key-value cache, or {@link Batch#NO_SLOT}. */
  public int slot() {
    return slot;
  }

  /** Releases the blocks and the slot. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      for (int block : blocks) {
        cache.release(block);
      }
      if (slot != Batch.NO_SLOT) {
        cache.releaseSlot(slot);
      }
    }
  }
}
