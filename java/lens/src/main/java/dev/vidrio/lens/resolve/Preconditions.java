package dev.vidrio.lens.resolve;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.model.Model;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Checks of texts, positions and tokens, before a model is asked about them. */
public final class Preconditions {
  private Preconditions() {}

  /** Checks that there are tokens, and not more than the model was made for. */
  public static void requireTokens(Model model, int[] tokens) {
    int declared = model.architecture().contextLength();
    if (tokens.length == 0 || tokens.length > declared) {
      throw new InvalidInputException(
          "text", tokens.length + " tokens", "must have 1 to " + declared + " tokens");
    }
  }

  /** Checks that a text has a token at a position. */
  public static void requirePosition(int[] tokens, int position) {
    if (position < 0 || position >= tokens.length) {
      throw new InvalidInputException(
          "position", Integer.toString(position), "must be 0 to " + (tokens.length - 1));
    }
  }

  /** Checks that all layers have attention, and no other way from token to token. */
  public static void requireAttention(Model model, String method) {
    HookMap hooks = HookMap.of(model);
    for (int l = 0; l < model.architecture().layers(); l++) {
      if (hooks.heads(l) == 0) {
        throw new InvalidInputException(
            method, "", "layer " + l + " has " + mixer(hooks, l) + " in the place of attention");
      }
      if (hooks.has(new HookPoint(HookSite.RECURRENT_OUT, l))) {
        throw new InvalidInputException(
            method, "", "layer " + l + " has a recurrence beside attention");
      }
    }
  }

  /** Whether blocks hand on one stream: the last norm reads what the last of them wrote. */
  public static boolean hasOneStream(Model model) {
    Buffer end = model.architecture().plan().hooks().get(end(model));
    return model.architecture().plan().ops().stream()
        .anyMatch(op -> op instanceof Op.Gather rows && rows.x().equals(end));
  }

  /** Checks that blocks hand on one stream, which a method needs. */
  public static void requireOneStream(Model model, String method) {
    if (!hasOneStream(model)) {
      throw new InvalidInputException(
          method, "", "blocks hand on several streams: " + end(model) + " is not all of the last");
    }
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

  /** Checks that an activation has a row of its own for each token. */
  public static void requireRows(HookPoint point) {
    if (point.site().axes() == HookSite.Axes.QUERY_KEY) {
      throw new InvalidInputException("hook", point.name(), "has no row for each token");
    }
  }

  /** Checks that a name has one point, and that this has a row for each token; returns it. */
  public static HookPoint requireOne(String name, List<HookPoint> points) {
    if (points.size() != 1) {
      throw new InvalidInputException("hook", name, "must be one hook point, not " + points.size());
    }
    requireRows(points.getFirst());
    return points.getFirst();
  }

  /** Checks that the model knows a token. */
  public static void requireToken(Model model, int token) {
    requireToken(model.architecture().vocabulary(), token);
  }

  /** Checks that there is a logit, of f32 [V], for a token. */
  public static void requireToken(MemorySegment logits, int token) {
    requireToken(Math.toIntExact(logits.byteSize() / Float.BYTES), token);
  }

  private static void requireToken(int vocabulary, int token) {
    if (token < 0 || token >= vocabulary) {
      throw new InvalidInputException(
          "token id", Integer.toString(token), "must be 0 to " + (vocabulary - 1));
    }
  }

  /** Checks that two runs have the same positions. */
  public static void requireEqualLength(int[] clean, int[] corrupted) {
    if (clean.length != corrupted.length) {
      throw new InvalidInputException(
          "corrupted text",
          corrupted.length + " tokens",
          "must have as many as the clean one, " + clean.length);
    }
  }
}
