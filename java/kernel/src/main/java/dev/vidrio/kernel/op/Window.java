package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.argument.Arguments.require;

/**
 * The positions that a token attends to.
 *
 * @param length number of positions, or 0 for all
 * @param shape the position of the window relative to the token
 */
public record Window(int length, Shape shape) {
  /** Positions of a window relative to the token. */
  public enum Shape {
    /** Ends with the token. */
    SLIDING,
    /**
     * Begins at a multiple of the length and ends with the token, so that all tokens of a chunk
     * share its first position (chunked attention, as in Llama 4).
     */
    ALIGNED,
    /**
     * Extends by half of the length to both sides of the token (bidirectional attention, as in
     * encoders), within the step: all tokens of a sequence must be in one step.
     */
    CENTERED,
    /**
     * Ends with the token, and does not contain the first position of the sequence unless the token
     * is there (for heads that read the position before, as EAGLE-3 does).
     */
    WITHOUT_FIRST
  }

  /** All positions up to the token. */
  public static final Window ALL = new Window(0, Shape.SLIDING);

  /** All positions of the sequence, before and after the token. */
  public static final Window BIDIRECTIONAL = new Window(0, Shape.CENTERED);

  /** All positions up to the token but the first one of the sequence, unless the token is there. */
  public static final Window WITHOUT_FIRST = new Window(0, Shape.WITHOUT_FIRST);

  public Window {
    require(length >= 0, "window length " + length + " must not be negative");
  }

  /** Returns a sliding window of {@code length} positions, the token's own included; 0 for all. */
  public static Window sliding(int length) {
    return new Window(length, Shape.SLIDING);
  }

  /** Returns a window that begins at the last multiple of the length; 0 for all positions. */
  public static Window aligned(int length) {
    return new Window(length, Shape.ALIGNED);
  }

  /**
   * Returns a window of length / 2 positions (rounded down) before and after the token, and its
   * own; 0 for all positions.
   */
  public static Window centered(int length) {
    return new Window(length, Shape.CENTERED);
  }

  /** Returns whether tokens attend to later positions. */
  public boolean bidirectional() {
    return shape == Shape.CENTERED;
  }

  /** Returns the first position that a token at {@code position} attends to. */
  public int first(int position) {
    int least = shape == Shape.WITHOUT_FIRST && position > 0 ? 1 : 0;
    if (length == 0) {
      return least;
    }
    return switch (shape) {
      case SLIDING, WITHOUT_FIRST -> Math.max(least, position + 1 - length);
      case ALIGNED -> position - position % length;
      case CENTERED -> Math.max(0, position - length / 2);
    };
  }

  /**
   * Returns the position after the last one that a token at {@code position} attends to.
   *
   * @param last the last position of its sequence in the step
   */
  public int end(int position, int last) {
    if (shape != Shape.CENTERED) {
      return position + 1;
    }
    return (length == 0 || last - position <= length / 2 ? last : position + length / 2) + 1;
  }
}
