package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.argument.Arguments.require;

/**
 * The positions that a token attends to, up to its own.
 *
 * @param length number of positions, or 0 for all
 * @param aligned if true, windows begin at multiples of their length, so that all tokens of a chunk
 *     share its first position (chunked attention, as in Llama 4); if false, the window slides and
 *     ends with the token
 */
public record Window(int length, boolean aligned) {
  /** All positions. */
  public static final Window ALL = new Window(0, false);

  public Window {
    require(length >= 0, "window length " + length + " must not be negative");
  }

  /** Returns a sliding window of {@code length} positions, the token's own included; 0 for all. */
  public static Window sliding(int length) {
    return new Window(length, false);
  }

  /** Returns a window that begins at the last multiple of the length; 0 for all positions. */
  public static Window aligned(int length) {
    return new Window(length, true);
  }

  /** Returns the first position that a token at {@code position} attends to. */
  public int first(int position) {
    if (length == 0) {
      return 0;
    }
    return aligned ? position - position % length : Math.max(0, position + 1 - length);
  }
}
