package dev.vidrio.kernel;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.kernel.op.Rows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The tokens of one step, off-heap: any mix of prompt chunks and single tokens of several
 * sequences. Allocated once and refilled for each step.
 *
 * <pre>{@code
 * batch.clear();
 * int s = batch.addSequence(blocks, count);
 * batch.add(token, position, s, true);
 * plan.run(batch);
 * }</pre>
 *
 * Add the tokens of one sequence in ascending order of position; the executors rely on it.
 */
public final class Batch {
  /** In the place of a slot, where a model has no states. */
  public static final int NO_SLOT = -1;

  private final Limits limits;
  private final MemorySegment tokens;
  private final MemorySegment positions;
  private final MemorySegment sequences;
  private final MemorySegment blockTables;
  private final MemorySegment slots;
  private final MemorySegment logitRows;
  private final int[] blockCounts;
  private int tokenCount;
  private int sequenceCount;
  private int logitCount;
  private int maxPosition = -1;

  /** A batch with room for the limits, which lives as long as the arena. */
  public Batch(Limits limits, Arena arena) {
    this.limits = limits;
    this.blockCounts = new int[limits.sequences()];
    this.tokens = arena.allocate(JAVA_INT, limits.tokens());
    this.positions = arena.allocate(JAVA_INT, limits.tokens());
    this.sequences = arena.allocate(JAVA_INT, limits.tokens());
    this.logitRows = arena.allocate(JAVA_INT, limits.logits());
    this.blockTables =
        arena.allocate(JAVA_INT, (long) limits.sequences() * limits.blocksPerSequence());
    this.slots = arena.allocate(JAVA_INT, limits.sequences());
  }

  /** Empties the batch. */
  public void clear() {
    tokenCount = 0;
    sequenceCount = 0;
    logitCount = 0;
    maxPosition = -1;
  }

  /**
   * Adds a sequence without states, whose cache is the first {@code count} entries of {@code
   * blocks}.
   *
   * @return its index in this batch
   */
  public int addSequence(int[] blocks, int count) {
    return addSequence(blocks, count, NO_SLOT);
  }

  /**
   * Adds a sequence.
   *
   * @param slot of its states, or {@link #NO_SLOT}
   */
  public int addSequence(int[] blocks, int count, int slot) {
    checkIndex("sequence", sequenceCount, limits.sequences());
    slots.setAtIndex(JAVA_INT, sequenceCount, slot);
    setBlocks(sequenceCount, blocks, 0, count);
    blockCounts[sequenceCount] = count;
    return sequenceCount++;
  }

  /** Tells that a sequence of this batch has got more blocks: now the first {@code count}. */
  public void extendSequence(int sequence, int[] blocks, int count) {
    checkIndex("sequence", sequence, sequenceCount);
    setBlocks(sequence, blocks, blockCounts[sequence], count);
    blockCounts[sequence] = count;
  }

  private void setBlocks(int sequence, int[] blocks, int from, int count) {
    if (count > limits.blocksPerSequence()) {
      throw new IndexOutOfBoundsException(
          count + " blocks, but a sequence has at most " + limits.blocksPerSequence());
    }
    long row = (long) sequence * limits.blocksPerSequence();
    for (int i = from; i < count; i++) {
      blockTables.setAtIndex(JAVA_INT, row + i, blocks[i]);
    }
  }

  /**
   * Adds a token.
   *
   * @param wantsLogits whether its row gets logits; rows of logits are in the order of these calls
   */
  public void add(int token, int position, int sequence, boolean wantsLogits) {
    checkIndex("batch row", tokenCount, limits.tokens());
    checkIndex("token id", token, limits.vocabulary());
    checkIndex("position", position, limits.positions());
    checkIndex("sequence", sequence, sequenceCount);
    if (wantsLogits) {
      checkIndex("logit row", logitCount, limits.logits());
      logitRows.setAtIndex(JAVA_INT, logitCount++, tokenCount);
    }
    tokens.setAtIndex(JAVA_INT, tokenCount, token);
    positions.setAtIndex(JAVA_INT, tokenCount, position);
    sequences.setAtIndex(JAVA_INT, tokenCount, sequence);
    maxPosition = Math.max(maxPosition, position);
    tokenCount++;
  }

  private static void checkIndex(String what, int index, int limit) {
    if (index < 0 || index >= limit) {
      throw new IndexOutOfBoundsException(what + " " + index + " is outside 0 to " + (limit - 1));
    }
  }

  /** What it has room for. */
  public Limits limits() {
    return limits;
  }

  /** Number of tokens. */
  public int tokenCount() {
    return tokenCount;
  }

  /** Number of rows that ask for logits. */
  public int logitCount() {
    return logitCount;
  }

  /** Number of sequences. */
  public int sequenceCount() {
    return sequenceCount;
  }

  /** The greatest position of any token, -1 when empty. */
  public int maxPosition() {
    return maxPosition;
  }

  /** Rows of this kind in the step. */
  public int rows(Rows rows) {
    return rows == Rows.TOKENS ? tokenCount : logitCount;
  }

  /** The token id of a row. */
  public int token(int row) {
    return tokens.getAtIndex(JAVA_INT, row);
  }

  /** The position of a row's token in its sequence. */
  public int position(int row) {
    return positions.getAtIndex(JAVA_INT, row);
  }

  /** The sequence of a row's token. */
  public int sequence(int row) {
    return sequences.getAtIndex(JAVA_INT, row);
  }

  /** The batch row that logit row i belongs to. */
  public int logitRow(int i) {
    return logitRows.getAtIndex(JAVA_INT, i);
  }

  /** The batch row that row i of this kind belongs to. */
  public int tokenRow(Rows rows, int i) {
    return rows == Rows.LOGITS ? logitRow(i) : i;
  }

  /** The cache block of a sequence that holds this position. */
  public int block(int sequence, int position) {
    return blockTables.getAtIndex(
        JAVA_INT, (long) sequence * limits.blocksPerSequence() + position / KvCache.BLOCK);
  }

  /** The slot of a sequence's states. */
  public int slot(int sequence) {
    return slots.getAtIndex(JAVA_INT, sequence);
  }

  /** The arrays as native code reads them: int32 tokens. */
  public MemorySegment tokens() {
    return tokens;
  }

  /** int32 positions. */
  public MemorySegment positions() {
    return positions;
  }

  /** int32 sequences. */
  public MemorySegment sequences() {
    return sequences;
  }

  /** int32 block tables [sequences, blocksPerSequence]. */
  public MemorySegment blockTables() {
    return blockTables;
  }

  /** int32 slots [sequences]. */
  public MemorySegment slots() {
    return slots;
  }

  /** int32 rows that ask for logits. */
  public MemorySegment logitRows() {
    return logitRows;
  }
}
