package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.lens.hook.HookSite;

/**
 * Which activations of a run to keep.
 *
 * @param hooks names of hook points, separated by commas; {@code *} stands for any characters, and
 *     a block may be counted from the end, {@code blocks.-1.hook_resid_post}, or be a range {@code
 *     blocks.0-3.hook_resid_post}
 * @param from the first position that is kept; negative ones, of {@link Lens#run}, count from the
 *     end
 * @param to after the last position that is kept; {@link Integer#MAX_VALUE} for all
 * @param type of the elements in memory; 16-bit types hold twice as many, at their precision
 * @param recompute whether what lies within blocks is computed again when it is first asked for,
 *     where it follows from the rest
 */
public record Capture(String hooks, int from, int to, TapType type, boolean recompute) {
  /**
   * Checks what can be checked without a model.
   *
   * @throws InvalidInputException when positions are no range, or what is recomputed is not F32
   */
  public Capture {
    if (recompute && type != TapType.F32) {
      throw new InvalidInputException(
          "type", type.name(), "activations can be computed again from F32 alone");
    }
    if (to <= from || (from < 0 && to != Integer.MAX_VALUE)) {
      throw new InvalidInputException(
          "positions", from + ":" + to, "must be a range that is not empty, from 0 on");
    }
  }

  /** Nothing. */
  public static final Capture NONE = new Capture("", 0, Integer.MAX_VALUE, TapType.F32, false);

  /**
   * All positions.
   *
   * @throws InvalidInputException when there is no name
   */
  public static Capture of(String hooks) {
    if (hooks.isBlank()) {
      throw new InvalidInputException("hook", hooks, "name one; '*' takes all");
    }
    return new Capture(hooks, 0, Integer.MAX_VALUE, TapType.F32, false);
  }

  /**
   * The same for some positions, [from, to).
   *
   * @throws InvalidInputException when that is no range
   */
  public Capture positions(int newFrom, int newTo) {
    return new Capture(hooks, newFrom, newTo, type, recompute);
  }

  /**
   * The same for the last positions of a text that runs as a whole; all, where it has fewer.
   *
   * @throws InvalidInputException when the count is not positive
   */
  public Capture last(int count) {
    if (count < 1) {
      throw new InvalidInputException("positions", "last " + count, "must be at least 1");
    }
    return new Capture(hooks, -count, Integer.MAX_VALUE, type, recompute);
  }

  /** The same with positions counted from the beginning of a text of n tokens. */
  Capture of(int n) {
    return from < 0 ? positions(Math.max(0, n + from), n) : this;
  }

  /** Checks that positions are counted from the beginning: sequences of sessions go on. */
  void requireBeginning() {
    if (from < 0) {
      throw new InvalidInputException(
          "positions", from + ":", "a session's sequences have no end to count from");
    }
  }

  /**
   * The same, kept in another type.
   *
   * @throws InvalidInputException when that is not F32 and activations are {@link #recomputed}
   */
  public Capture as(TapType newType) {
    return new Capture(hooks, from, to, newType, recompute);
  }

  /**
   * The same, but the run keeps only what the rest cannot be computed from: of every hook point,
   * the residual stream and what attention and states give. What lies between them is computed when
   * it is first asked for, from the same weights, and has the same bits. So a run keeps an eighth
   * to a fifth and is hardly slowed down; reading all of it takes about as long as a run that keeps
   * it and is read.
   *
   * <p>A point is computed again where the points that it follows from are asked for as well.
   * Sessions with adapters or fast products keep all.
   *
   * @throws InvalidInputException when the type is not F32
   */
  public Capture recomputed() {
    return new Capture(hooks, from, to, type, true);
  }

  /** Whether activations of a site may be computed again; logits are if they can be. */
  boolean recomputes(HookSite site) {
    return type == TapType.F32 && (recompute || site == HookSite.LOGITS);
  }

  /** The same for other hook points. */
  public Capture withHooks(String newHooks) {
    return new Capture(newHooks, from, to, type, recompute);
  }
}
