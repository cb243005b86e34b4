package dev.vidrio.lens;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.hook.StepRows;
import dev.vidrio.model.session.Sequence;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/**
 * The rows of an activation in the memory of a session.
 *
 * @param data f32 [rows, width]; rows after those of the tokens are unused
 */
record SessionRows(HookPoint point, List<Token> tokens, int width, MemorySegment data)
    implements StepRows {
  /** The token of a row. */
  record Token(Sequence sequence, int position, boolean wantsLogits) {}

  @Override
  public int size() {
    return tokens.size();
  }

  @Override
  public Sequence sequence(int i) {
    return tokens.get(i).sequence();
  }

  @Override
  public int position(int i) {
    return tokens.get(i).position();
  }

  @Override
  public MemorySegment row(int i) {
    long bytes = width * (long) Float.BYTES;
    return data.asSlice(Objects.checkIndex(i, tokens.size()) * bytes, bytes, Float.BYTES);
  }
}
