package dev.vidrio.kernel;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.Window;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The tokens of one step: any mix of prompt chunks and decoded tokens of several sequences. It is
 * allocated once, off-heap, and refilled for each step.
 *
 * <pre>{@code
 * batch.clear();
 * int s = batch.addSequence(blocks, count);
 * batch.add(token, position, s, true);
 * plan.run(batch);
 * }</pre>
 *
 * A token has an id, a position in its sequence, and the index of the sequence in the batch; a
 * sequence has the blocks of its keys and values and, for models with states, a slot. The tokens of
 * a sequence must be added in ascending order of position. Tokens attend to earlier positions of
 * their own sequence alone, so that the results of a sequence do not depend on the rest of the
 * batch.
 *
 * <p>Not thread-safe; it must not change while a step runs.
 *
 * @see KvCache
 */
public final class Batch {
  /** The slot of sequences of a model without states. */
  public static final int NO_SLOT = -1;

  private final Limits limits;
  private final Memory memory;
  private final int[] blockCounts;
  private int tokenCount;
  private int sequenceCount;
  private int logitCount;
  private int maxPosition = -1;

  /** Allocates a batch for the limits, for the lifetime of the arena. */
  public Batch(Limits limits, Arena arena) {
    this.limits = limits;
    this.blockCounts = new int[limits.sequences()];
    long blocks = (long) limits.sequences() * limits.blocksPerSequence();
    this.memory =
        new Memory(
            arena.allocate(JAVA_INT, limits.tokens()),
            arena.allocate(JAVA_INT, limits.tokens()),
            arena.allocate(JAVA_INT, limits.tokens()),
            arena.allocate(JAVA_INT, limits.tokens()),
            arena.allocate(JAVA_INT, blocks),
            arena.allocate(JAVA_INT, limits.sequences()),
            arena.allocate(JAVA_INT, limits.logits()));
  }

  private Batch(Batch whole, int tokens) {
    this.limits = whole.limits;
    this.memory = whole.memory;
    this.blockCounts = whole.blockCounts;
    this.sequenceCount = whole.sequenceCount;
    this.tokenCount = tokens;
    for (int i = 0; i < tokens; i++) {
      maxPosition = Math.max(maxPosition, position(i));
    }
    while (logitCount < whole.logitCount && logitRow(logitCount) < tokens) {
      logitCount++;
    }
  }

  /**
   * The memory that native code reads, all int32.
   *
   * @param tokens the id of each token
   * @param positions the position of each token
   * @param sequences the sequence of each token
   * @param types the type of each token
   * @param blockTables [sequences, blocksPerSequence]
   * @param slots [sequences]
   * @param logitRows the rows for which logits are requested
   */
  public record Memory(
      MemorySegment tokens,
      MemorySegment positions,
      MemorySegment sequences,
      MemorySegment types,
      MemorySegment blockTables,
      MemorySegment slots,
      MemorySegment logitRows) {}

  /**
   * Returns the first rows of this batch, and the rows of logits among them, as a batch that shares
   * its memory: it must not change, and is invalid when this batch does.
   *
   * @param tokens number of tokens, one or more
   * @throws IndexOutOfBoundsException if this batch has fewer
   */
  public Batch first(int tokens) {
    checkIndex("number of tokens", tokens - 1, tokenCount);
    return new Batch(this, tokens);
  }

  /** Empties the batch. */
  public void clear() {
    tokenCount = 0;
    sequenceCount = 0;
    logitCount = 0;
    maxPosition = -1;
  }

  /**
   * Adds a sequence without states. Its keys and values are in the first {@code count} entries of
   * {@code blocks}.
   *
   * @return the index of the sequence in this batch
   */
  public int addSequence(int[] blocks, int count) {
    return addSequence(blocks, count, NO_SLOT);
  }

  /**
   * Adds a sequence with states.
   *
   * @param slot slot of its states, or {@link #NO_SLOT}
   * @return the index of the sequence in this batch
   */
  public int addSequence(int[] blocks, int count, int slot) {
    checkIndex("sequence", sequenceCount, limits.sequences());
    memory.slots.setAtIndex(JAVA_INT, sequenceCount, slot);
    setBlocks(sequenceCount, blocks, 0, count);
    blockCounts[sequenceCount] = count;
    return sequenceCount++;
  }

  /** Extends the blocks of a sequence of this batch to the first {@code count}. */
  public void extendSequence(int sequence, int[] blocks, int count) {
    checkIndex("sequence", sequence, sequenceCount);
    setBlocks(sequence, blocks, blockCounts[sequence], count);
    blockCounts[sequence] = count;
  }

  private void setBlocks(int sequence, int[] blocks, int from, int count) {
    if (count > limits.blocksPerSequence()) {
      throw new IndexOutOfBoundsException(
          count + " blocks; the maximum per sequence is " + limits.blocksPerSequence());
    }
    long row = (long) sequence * limits.blocksPerSequence();
    for (int i = from; i < count; i++) {
      memory.blockTables.setAtIndex(JAVA_INT, row + i, blocks[i]);
    }
  }

  /**
   * Adds a token of type 0.
   *
   * @param wantsLogits if true, its row of logits is computed; rows of logits are in the order of
   *     these calls
   * @throws IndexOutOfBoundsException if the batch is full, or an argument exceeds the limits
   */
  public void add(int token, int position, int sequence, boolean wantsLogits) {
    add(token, 0, position, sequence, wantsLogits);
  }

  /**
   * Adds a token.
   *
   * @param type index of its embedding in plans with token types, such as that of the first or the
   *     second text of a pair
   * @param wantsLogits if true, its row of logits is computed; rows of logits are in the order of
   *     these calls
   * @throws IndexOutOfBoundsException if the batch is full, or an argument exceeds the limits
   */
  public void add(int token, int type, int position, int sequence, boolean wantsLogits) {
    if (type < 0) {
      throw new IndexOutOfBoundsException("token type " + type + " must not be negative");
    }
    checkIndex("batch row", tokenCount, limits.tokens());
    checkIndex("token id", token, limits.vocabulary());
    checkIndex("position", position, limits.positions());
    checkIndex("sequence", sequence, sequenceCount);
    if (wantsLogits) {
      checkIndex("logit row", logitCount, limits.logits());
      memory.logitRows.setAtIndex(JAVA_INT, logitCount++, tokenCount);
    }
    memory.tokens.setAtIndex(JAVA_INT, tokenCount, token);
    memory.positions.setAtIndex(JAVA_INT, tokenCount, position);
    memory.sequences.setAtIndex(JAVA_INT, tokenCount, sequence);
    memory.types.setAtIndex(JAVA_INT, tokenCount, type);
    maxPosition = Math.max(maxPosition, position);
    tokenCount++;
  }

  private static void checkIndex(String what, int index, int limit) {
    if (index < 0 || index >= limit) {
      throw new IndexOutOfBoundsException(what + " " + index + " is outside 0 to " + (limit - 1));
    }
  }

  /** Returns the sizes that it supports. */
  public Limits limits() {
    return limits;
  }

  /** Returns the number of tokens. */
  public int tokenCount() {
    return tokenCount;
  }

  /** Returns the number of rows for which logits are requested. */
  public int logitCount() {
    return logitCount;
  }

  /** Returns the number of sequences. */
  public int sequenceCount() {
    return sequenceCount;
  }

  /** Returns the maximum position of a token, or −1 if the batch is empty. */
  public int maxPosition() {
    return maxPosition;
  }

  /** Returns the number of rows of this kind in the step. */
  public int rows(Rows rows) {
    return rows == Rows.TOKENS ? tokenCount : logitCount;
  }

  /** Returns the token id of a row. */
  public int token(int row) {
    return memory.tokens.getAtIndex(JAVA_INT, row);
  }

  /** Returns the position of a row's token in its sequence. */
  public int position(int row) {
    return memory.positions.getAtIndex(JAVA_INT, row);
  }

  /** Returns the sequence of a row's token. */
  public int sequence(int row) {
    return memory.sequences.getAtIndex(JAVA_INT, row);
  }

  /** Returns the type of a row's token. */
  public int type(int row) {
    return memory.types.getAtIndex(JAVA_INT, row);
  }

  /** Returns the last position of the sequence of a row in this batch. */
  public int lastPosition(int row) {
    int last = row;
    while (last + 1 < tokenCount && sequence(last + 1) == sequence(row)) {
      last++;
    }
    return position(last);
  }

  /** Returns the position after the last one that a row attends to. */
  public int end(Window window, int row) {
    int position = position(row);
    return window.end(position, window.bidirectional() ? lastPosition(row) : position);
  }

  /** Returns the batch row of logit row i. */
  public int logitRow(int i) {
    return memory.logitRows.getAtIndex(JAVA_INT, i);
  }

  /** Returns the batch row of row i of this kind. */
  public int tokenRow(Rows rows, int i) {
    return rows == Rows.LOGITS ? logitRow(i) : i;
  }

  /** Returns the cache block of a sequence that holds a position. */
  public int block(int sequence, int position) {
    return memory.blockTables.getAtIndex(
        JAVA_INT, (long) sequence * limits.blocksPerSequence() + position / KvCache.BLOCK);
  }

  /** Returns the slot of a sequence's states. */
  public int slot(int sequence) {
    return memory.slots.getAtIndex(JAVA_INT, sequence);
  }

  /** Returns the memory of native code. */
  public Memory memory() {
    return memory;
  }
}
