package dev.vidrio.lens.hook;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.model.session.Sequence;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/**
 * The rows of an activation in the middle of a step: one per token or, at points after the last
 * block, one per token that requests logits. Valid until the {@link Hook} that received it returns.
 *
 * @param point the hook point
 * @param tokens the token of each row
 * @param width elements of a row
 * @param data f32 [rows, width]; rows after those of the tokens are unused
 */
public record StepRows(HookPoint point, List<Token> tokens, int width, MemorySegment data) {
  /**
   * The token of a row.
   *
   * @param sequence its sequence
   * @param position its position in the sequence
   */
  public record Token(Sequence sequence, int position) {}

  /** Copies the tokens. */
  public StepRows {
    tokens = List.copyOf(tokens);
  }

  /** Returns the number of rows. */
  public int size() {
    return tokens.size();
  }

  /** Returns the sequence of row i. */
  public Sequence sequence(int i) {
    return tokens.get(i).sequence;
  }

  /** Returns the position of row i in its sequence. */
  public int position(int i) {
    return tokens.get(i).position;
  }

  /** Returns the f32 elements of row i, for reading and writing. */
  public MemorySegment row(int i) {
    long bytes = width * (long) Float.BYTES;
    return data.asSlice(Objects.checkIndex(i, size()) * bytes, bytes, Float.BYTES);
  }

  /** Copies the elements of all rows, [rows · width]. */
  public float[] toArray() {
    return data.asSlice(0, size() * (long) width * Float.BYTES).toArray(JAVA_FLOAT);
  }
}
