package dev.vidrio.lens;

import dev.vidrio.model.Sequence;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/**
 * An activation in the middle of a step: a row for each token, or for each that asked for logits at
 * points after the last block. Valid until the {@link Hook} that got it returns.
 */
public final class StepRows {
  private final HookPoint point;
  private final List<Token> tokens;
  private final MemorySegment data;
  private final long rowBytes;

  /** Whose row it is. */
  record Token(Sequence sequence, int position, boolean wantsLogits) {}

  /**
   * @param data f32 [rows, width], rows that belong to no token at its end
   */
  StepRows(HookPoint point, List<Token> tokens, int width, MemorySegment data) {
    this.point = point;
    this.tokens = tokens;
    this.data = data;
    this.rowBytes = width * (long) Float.BYTES;
  }

  /** Where the pass has stopped. */
  public HookPoint point() {
    return point;
  }

  /** Number of rows. */
  public int size() {
    return tokens.size();
  }

  /** The sequence that row i belongs to. */
  public Sequence sequence(int i) {
    return tokens.get(i).sequence();
  }

  /** The position in its sequence that row i belongs to. */
  public int position(int i) {
    return tokens.get(i).position();
  }

  /** The f32 elements of row i, to read and to write. */
  public MemorySegment row(int i) {
    return data.asSlice(Objects.checkIndex(i, tokens.size()) * rowBytes, rowBytes, Float.BYTES);
  }
}
