package dev.vidrio.lens;

import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.model.InvalidInputException;

/**
 * Which activations of a run to keep.
 *
 * @param hooks names of hook points, separated by commas; {@code *} stands for any characters, and
 *     a block may be counted from the end, {@code blocks.-1.hook_resid_post}, or be a range {@code
 *     blocks.0-3.hook_resid_post}
 * @param from the first position that is kept
 * @param to after the last position that is kept; {@link Integer#MAX_VALUE} for all
 * @param type of the elements in memory; 16-bit types hold twice as many, at their precision
 */
public record Capture(String hooks, int from, int to, TapType type) {
  public Capture {
    if (from < 0 || to <= from) {
      throw new InvalidInputException(
          "positions", from + ":" + to, "must be a range that is not empty, from 0 on");
    }
  }

  /** Nothing. */
  public static final Capture NONE = new Capture("", 0, Integer.MAX_VALUE, TapType.F32);

  /**
   * All positions.
   *
   * @throws InvalidInputException when there is no name
   */
  public static Capture of(String hooks) {
    if (hooks.isBlank()) {
      throw new InvalidInputException("hook", hooks, "name one; '*' takes all");
    }
    return new Capture(hooks, 0, Integer.MAX_VALUE, TapType.F32);
  }

  /** The same for some positions, [from, to). */
  public Capture positions(int newFrom, int newTo) {
    return new Capture(hooks, newFrom, newTo, type);
  }

  /** The same, kept in another type. */
  public Capture as(TapType newType) {
    return new Capture(hooks, from, to, newType);
  }

  /** The same for other hook points. */
  public Capture withHooks(String newHooks) {
    return new Capture(newHooks, from, to, type);
  }
}
