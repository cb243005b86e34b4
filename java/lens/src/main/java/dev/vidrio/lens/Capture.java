package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.lens.resolve.Preconditions;

/**
 * Selects which activations a run keeps, for which positions and in which type.
 *
 * {@snippet file="LensExamplesTest.java" region="cache"}
 *
 * @param hooks names of hook points, separated by commas; {@code *} matches any characters, and a
 *     block may be counted from the end, {@code blocks.-1.hook_resid_post}, or be a range, {@code
 *     blocks.0-3.hook_resid_post}
 * @param from the first position to keep; negative values count from the end, in {@link Lens#run}
 *     only
 * @param to the position after the last one to keep; {@link Integer#MAX_VALUE} for all
 * @param type of the elements in memory; 16-bit types take half the memory, at their precision
 * @param recompute whether activations within blocks are recomputed on first use if they follow
 *     from kept ones
 * @see Lens#run(int[], Capture)
 * @see "docs/lens/README.md"
 */
public record Capture(String hooks, int from, int to, TapType type, boolean recompute) {
  /**
   * Checks what can be checked without a model.
   *
   * @throws InvalidInputException if the positions are not a range, or activations are to be
   *     recomputed from a type other than F32
   */
  public Capture {
    if (recompute && type != TapType.F32) {
      throw new InvalidInputException("type", type.name(), "must be F32 to recompute activations");
    }
    if (to <= from || (from < 0 && to != Integer.MAX_VALUE)) {
      throw new InvalidInputException(
          "positions", from + ":" + to, "must be a nonempty range from 0");
    }
  }

  /** Keeps nothing. */
  public static final Capture NONE = new Capture("", 0, Integer.MAX_VALUE, TapType.F32, false);

  /**
   * Keeps the activations of all positions.
   *
   * @throws InvalidInputException if {@code hooks} is blank
   */
  public static Capture of(String hooks) {
    if (hooks.isBlank()) {
      throw new InvalidInputException("hook", hooks, "must name a hook point; '*' selects all");
    }
    return new Capture(hooks, 0, Integer.MAX_VALUE, TapType.F32, false);
  }

  /**
   * Returns a capture of the positions [newFrom, newTo).
   *
   * @throws InvalidInputException if they are not a range
   */
  public Capture positions(int newFrom, int newTo) {
    return new Capture(hooks, newFrom, newTo, type, recompute);
  }

  /**
   * Returns a capture of the last {@code count} positions of a text that runs as a whole, or of all
   * if it has fewer.
   *
   * @throws InvalidInputException if the count is not positive
   */
  public Capture last(int count) {
    Preconditions.require(count >= 1, "positions", "last " + count, "must be at least 1");
    return new Capture(hooks, -count, Integer.MAX_VALUE, type, recompute);
  }

  /** Resolves positions that count from the end of a text of n tokens. */
  Capture of(int n) {
    return from < 0 ? positions(Math.max(0, n + from), n) : this;
  }

  /** Rejects positions that count from the end, which the sequences of a session do not have. */
  void requireBeginning() {
    Preconditions.require(
        from >= 0, "positions", from + ":", "negative positions are not supported in a session");
  }

  /**
   * Returns a capture of another type.
   *
   * @throws InvalidInputException if the type is not F32 and activations are {@link #recomputed}
   */
  public Capture as(TapType newType) {
    return new Capture(hooks, from, to, newType, recompute);
  }

  /**
   * Returns a capture that keeps only what the rest cannot be recomputed from: the residual stream
   * and the outputs of attention and recurrences. Activations between them are recomputed on first
   * use with the same weights and have the same bits. A run then keeps an eighth to a fifth of the
   * bytes and is hardly slowed down; reading all activations takes about as long as keeping and
   * reading them.
   *
   * <p>An activation is recomputed only if the points that it follows from are captured too.
   * Sessions with adapters keep all activations.
   *
   * @throws InvalidInputException if the type is not F32
   */
  public Capture recomputed() {
    return new Capture(hooks, from, to, type, true);
  }

  /** Returns whether activations of a site may be recomputed. Logits always are if they can be. */
  boolean recomputes(HookSite site) {
    return type == TapType.F32 && (recompute || site == HookSite.LOGITS);
  }

  /** Returns a capture of other hook points. */
  public Capture withHooks(String newHooks) {
    return new Capture(newHooks, from, to, type, recompute);
  }
}
