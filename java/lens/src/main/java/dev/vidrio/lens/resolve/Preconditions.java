package dev.vidrio.lens.resolve;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.model.Model;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Checks texts, positions, tokens and models before a method runs. */
public final class Preconditions {
  private Preconditions() {}

  /**
   * Checks an input.
   *
   * @param holds whether the input is valid
   * @param field the input
   * @param value the given value; empty if there is none to show
   * @param limit what is wrong and what is allowed
   */
  public static void require(boolean holds, String field, Object value, String limit) {
    if (!holds) {
      throw new InvalidInputException(field, value.toString(), limit);
    }
  }

  /** Checks that a number is from {@code least} to {@code most}. */
  public static void requireRange(String field, int value, int least, int most) {
    if (value < least || value > most) {
      throw new InvalidInputException(
          field, Integer.toString(value), "must be " + least + " to " + most);
    }
  }

  /** Checks that a number is at least 1. */
  public static void requirePositive(String field, int value) {
    require(value >= 1, field, value, "must be at least 1");
  }

  /** Checks that a number is above 0 and finite. */
  public static void requirePositive(String field, double value) {
    require(value > 0 && Double.isFinite(value), field, value, "must be above 0 and finite");
  }

  /** Checks that a number is 0 or more and finite. */
  public static void requireNotNegative(String field, double value) {
    require(value >= 0 && Double.isFinite(value), field, value, "must be 0 or more, and finite");
  }

  /** Checks that there are tokens, at most as many as the context length of the model. */
  public static void requireTokens(Model model, int[] tokens) {
    requireLength(tokens, model.architecture().contextLength());
  }

  /** Checks that there are 1 to {@code most} tokens. */
  public static void requireLength(int[] tokens, int most) {
    String limit = "must have 1 to " + most + " tokens";
    require(tokens.length > 0 && tokens.length <= most, "text", tokens.length + " tokens", limit);
  }

  /** Checks that a text has a position. */
  public static void requirePosition(int[] tokens, int position) {
    requirePosition("position", tokens, position);
  }

  /** Checks that a text has a position, which errors call {@code field}. */
  public static void requirePosition(String field, int[] tokens, int position) {
    requireRange(field, position, 0, tokens.length - 1);
  }

  /** Checks that all layers mix tokens by attention only. */
  public static void requireAttention(Model model, String method) {
    HookMap hooks = HookMap.of(model);
    for (int l = 0; l < model.architecture().layers(); l++) {
      if (hooks.heads(l) == 0) {
        throw new InvalidInputException(
            method, "", "layer " + l + " has " + mixer(hooks, l) + " instead of attention");
      }
      if (hooks.has(new HookPoint(HookSite.RECURRENT_OUT, l))) {
        throw new InvalidInputException(
            method, "", "layer " + l + " has a recurrence in addition to attention");
      }
    }
  }

  /**
   * Returns whether the model has a single residual stream: the last norm reads the output of the
   * last block.
   */
  public static boolean hasOneStream(Model model) {
    Buffer end = model.architecture().plan().hooks().get(end(model));
    return model.architecture().plan().ops().stream()
        .anyMatch(op -> op instanceof Op.Gather rows && rows.x().equals(end));
  }

  /** Rejects models with several residual streams, for a method that does not support them. */
  public static void requireOneStream(Model model, String method) {
    require(
        hasOneStream(model), method, "", "models with several residual streams are not supported");
  }

  private static HookPoint end(Model model) {
    return new HookPoint(HookSite.RESID_POST, model.architecture().layers() - 1);
  }

  private static String mixer(HookMap hooks, int layer) {
    return hooks.has(new HookPoint(HookSite.CONV_OUT, layer))
        ? "a convolution"
        : hooks.has(new HookPoint(HookSite.RECURRENT_OUT, layer))
            ? "a recurrence"
            : "a feed-forward block";
  }

  /** Checks that a hook point is a residual stream. */
  public static void requireStream(HookPoint point) {
    require(point.site().isResidualStream(), "hook", point.name(), "is not a residual stream");
  }

  /** Checks that a hook point has one row per token. */
  public static void requireRows(HookPoint point) {
    boolean rows = point.site().axes() != HookSite.Axes.QUERY_KEY;
    require(rows, "hook", point.name(), "has no row for each token");
  }

  /** Checks that a name selects one point, with one row per token, and returns it. */
  public static HookPoint requireOne(String name, List<HookPoint> points) {
    require(points.size() == 1, "hook", name, "must be one hook point, not " + points.size());
    requireRows(points.getFirst());
    return points.getFirst();
  }

  /** Checks that a token is in the model's vocabulary. */
  public static void requireToken(Model model, int token) {
    requireToken(model.architecture().vocabulary(), token);
  }

  /** Checks that f32 logits [V] include a token. */
  public static void requireToken(MemorySegment logits, int token) {
    requireToken(Math.toIntExact(logits.byteSize() / Float.BYTES), token);
  }

  /** Checks that a token is in a vocabulary of a size. */
  public static void requireToken(int vocabulary, int token) {
    requireRange("token id", token, 0, vocabulary - 1);
  }

  /** Checks that two texts are of equal length. */
  public static void requireEqualLength(int[] clean, int[] corrupted) {
    String limit = "must have as many as the clean one, " + clean.length;
    require(
        clean.length == corrupted.length, "corrupted text", corrupted.length + " tokens", limit);
  }
}
