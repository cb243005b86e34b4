package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import java.util.Arrays;

/**
 * What has been computed of a text up to one place: the blocks of the key-value cache and, where
 * the model has states, the slot, shared with the {@linkplain Sequence#checkpoint sequence} that
 * ran it until that changes them. Sequences {@linkplain Sequence#restore go on from it}: where the
 * model has states, from the last positions before its end only. Not thread-safe.
 */
public final class Checkpoint implements AutoCloseable {
  /** How many tokens a checkpoint should spare at least, so that short texts take no memory. */
  public static final int LEAST = KvCache.BLOCK;

  private final KvCache cache;
  private final int[] tokens;
  private final int[] blocks;
  private final int slot;
  private final int firstReachable;
  private boolean closed;

  /** Becomes an owner of the blocks and the slot. */
  Checkpoint(KvCache cache, int[] tokens, int[] blocks, int slot, int firstReachable) {
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
   * Where to take a checkpoint of a prompt, in case others begin like it but for its end, as the
   * next turn of a chat does: at the last multiple of {@value KvShape.Recurrent#SPAN} before its
   * last token. From there a sequence can go back to 17 or more tokens before the prompt's end, so
   * that few of its tokens run again and a template may write the last ones otherwise.
   *
   * @return a position; 0 where the prompt is too short
   */
  public static int place(int promptTokens) {
    return (promptTokens - 1) / KvShape.Recurrent.SPAN * KvShape.Recurrent.SPAN;
  }

  /** The number of its tokens. */
  public int length() {
    return tokens.length;
  }

  /** The first position, but for 0, that a sequence can go on from, as that of the sequence was. */
  public int firstReachable() {
    return firstReachable;
  }

  /** How many tokens it has in common with the first {@code count} ones of a text. */
  public int common(int[] text, int count) {
    int mismatch = Arrays.mismatch(tokens, 0, tokens.length, text, 0, count);
    return mismatch < 0 ? count : mismatch;
  }

  /**
   * How many tokens of a text it spares: as many as the two have in common, but for at least one
   * that has to run, for its logits.
   *
   * @param count tokens of the text
   * @return 0 where the two part too early
   */
  public int reach(int[] text, int count) {
    int most = Math.min(common(text, count), count - 1);
    return most < firstReachable ? 0 : most;
  }

  /** Its blocks of the key-value cache. */
  public int[] blocks() {
    return blocks.clone();
  }

  /** Its blocks, for a sequence that has them in this cache. */
  int[] blocks(KvCache wanted) {
    if (closed) {
      throw new IllegalStateException("the checkpoint is closed");
    }
    if (cache != wanted) {
      throw new InvalidInputException(
          "checkpoint", "", "is of another session, whose key-value cache this one does not share");
    }
    return blocks;
  }

  /** Its slot of the key-value cache; {@link Batch#NO_SLOT} where the model has no states. */
  public int slot() {
    return slot;
  }

  /** Gives its blocks and its slot back. */
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
