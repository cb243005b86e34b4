package dev.vidrio.kernel.op;

/**
 * The positions up to its own that a token attends to.
 *
 * @param length 0 for all
 * @param aligned whether windows begin at multiples of their length, so that those of tokens in the
 *     same one begin together (chunked attention, as Llama 4 has it); where not, each has the
 *     length and ends with its token
 */
public record Window(int length, boolean aligned) {
  /** All positions. */
  public static final Window ALL = new Window(0, false);

  public Window {
    if (length < 0) {
      throw new IllegalArgumentException("window of " + length);
    }
  }

  /** So many positions, the token's own the last of them; 0 for all. */
  public static Window sliding(int length) {
    return new Window(length, false);
  }

  /** Those since the last multiple of the length; 0 for all. */
  public static Window aligned(int length) {
    return new Window(length, true);
  }

  /** The first position that a token at {@code position} attends to. */
  public int first(int position) {
    if (length == 0) {
      return 0;
    }
    return aligned ? position - position % length : Math.max(0, position + 1 - length);
  }
}
