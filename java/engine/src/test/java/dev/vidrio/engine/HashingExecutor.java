package dev.vidrio.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.model.testfiles.WatchedExecutor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Computes hashes of sequences instead of a model. The hash of a token and all tokens before it is
 * written to the block of its position and, for models with recurrent states, to the slot of its
 * sequence, from where the next token reads it; the logits follow from it. So an answer is a
 * function of the prompt, {@link #answer}, and differs if the engine gave a sequence a block or
 * slot with other contents. A write to memory with several owners is an error.
 */
class HashingExecutor extends WatchedExecutor {
  /** Tokens of prompts and answers: few, so that drafts are often right. */
  static final int FIRST_TOKEN = 40;

  static final int TOKENS = 3;

  private static final int SPAN = KvShape.Recurrent.SPAN;

  /** Longs of a slot after the hashes of a span: the hash before the span, and its position. */
  private static final int BASE = SPAN;

  private static final int BASE_POSITION = SPAN + 1;

  /** Returns the greedy answer to a prompt. */
  static List<Integer> answer(int[] prompt, int tokens) {
    long hash = 0;
    for (int token : prompt) {
      hash = mix(hash, token);
    }
    List<Integer> answer = new ArrayList<>();
    for (int i = 0; i < tokens; i++) {
      int token = next(hash);
      answer.add(token);
      hash = mix(hash, token);
    }
    return answer;
  }

  /** Returns a hash that depends on all bits of its arguments (SplitMix64). */
  private static long mix(long hash, int token) {
    long mixed = hash * 31 + token + 0x9E3779B97F4A7C15L;
    mixed = (mixed ^ (mixed >>> 30)) * 0xBF58476D1CE4E5B9L;
    mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
    return mixed ^ (mixed >>> 31);
  }

  private static int next(long hash) {
    return FIRST_TOKEN + (int) Long.remainderUnsigned(hash, TOKENS);
  }

  /** Called before each step. */
  @Override
  protected void onRun(Batch batch, int begin, int end) {}

  @Override
  public ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache) {
    return new HashingPlan(super.prepare(plan, limits, cache), cache, this);
  }

  /** Runs the search for the top tokens only, which is the last operation. */
  private record HashingPlan(ExecutablePlan real, KvCache cache, HashingExecutor executor)
      implements ExecutablePlan {
    @Override
    public Plan plan() {
      return real.plan();
    }

    @Override
    public Limits limits() {
      return real.limits();
    }

    @Override
    public MemorySegment data(Buffer buffer) {
      return real.data(buffer);
    }

    @Override
    public void close() {
      real.close();
    }

    @Override
    public void run(Batch batch, int begin, int end) {
      if (begin > 0) {
        real.run(batch, begin, end); // the search
        return;
      }
      executor.onRun(batch, begin, end);
      long[] hashes = new long[batch.tokenCount()];
      for (int row = 0; row < hashes.length; row++) {
        hashes[row] = step(batch, row);
      }
      Buffer logits = ((Op.TopK) plan().ops().getLast()).x();
      MemorySegment data = data(logits);
      for (int i = 0; i < batch.logitCount(); i++) {
        long first = (long) i * logits.width();
        long hash = hashes[batch.logitRow(i)];
        data.asSlice(first * Float.BYTES, logits.width() * (long) Float.BYTES).fill((byte) 0);
        data.setAtIndex(JAVA_FLOAT, first + next(hash >>> 1), 1);
        data.setAtIndex(JAVA_FLOAT, first + next(hash), 2);
      }
    }

    /** Reads the hash of the tokens before one, and writes that with it. */
    private long step(Batch batch, int row) {
      int sequence = batch.sequence(row);
      int position = batch.position(row);
      long before = position == 0 ? 0 : get(block(batch, sequence, position - 1), position - 1);
      long hash = mix(before, batch.token(row));
      require(cache.owners(batch.block(sequence, position)) == 1, "a shared block is written to");
      set(block(batch, sequence, position), position, hash);
      if (cache.slots() > 0) {
        long state = stepState(batch.slot(sequence), position, batch.token(row));
        require(state == hash, "the state is that of other tokens");
      }
      return hash;
    }

    private MemorySegment block(Batch batch, int sequence, int position) {
      return cache.block(batch.block(sequence, position)).stream()
          .filter(part -> part.byteSize() > 0)
          .findFirst()
          .orElseThrow();
    }

    /**
     * Advances the state of a slot, which knows the hashes of the current span of positions and
     * that before it.
     */
    private long stepState(int slot, int position, int token) {
      require(cache.slotOwners(slot) == 1, "a shared slot is written to");
      MemorySegment state = cache.slot(slot);
      int i = position % SPAN;
      long before;
      if (i > 0) {
        before = get(state, i - 1);
      } else if (position == 0) {
        before = 0;
      } else {
        before = get(state, BASE_POSITION) == position ? get(state, BASE) : get(state, SPAN - 1);
      }
      if (i == 0) {
        set(state, BASE, before);
        set(state, BASE_POSITION, position);
      }
      long hash = mix(before, token);
      set(state, i, hash);
      return hash;
    }

    private static long get(MemorySegment memory, int i) {
      return memory.get(JAVA_LONG_UNALIGNED, i % KvCache.BLOCK * (long) Long.BYTES);
    }

    private static void set(MemorySegment memory, int i, long value) {
      memory.set(JAVA_LONG_UNALIGNED, i % KvCache.BLOCK * (long) Long.BYTES, value);
    }

    private static void require(boolean condition, String failure) {
      if (!condition) {
        throw new AssertionError(failure);
      }
    }
  }
}
