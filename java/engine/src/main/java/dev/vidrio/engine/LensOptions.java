package dev.vidrio.engine;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.error.InvalidInputException;

/**
 * What requests may watch and edit inside the model.
 *
 * @param capture names of hook points whose activations are kept for requests that are {@linkplain
 *     GenerationRequest#watched watched}, as in {@link dev.vidrio.lens.Capture#hooks}; empty for
 *     none
 * @param editable names of hook points that requests may {@linkplain GenerationRequest#edits edit};
 *     empty for none
 * @param watched requests that may be watched at once
 */
public record LensOptions(String capture, String editable, int watched) {
  /** Nothing. */
  public static final LensOptions NONE = new LensOptions("", "", 0);

  /** Steering: the residual stream after every block may be edited, and nothing is kept. */
  public static final LensOptions STEERING = new LensOptions("", "blocks.*.hook_resid_post", 0);

  /** Checks the limits. */
  public LensOptions {
    if (watched < 0 || (watched == 0) != capture.isBlank()) {
      throw new InvalidInputException(
          "watched",
          Integer.toString(watched),
          "must be positive where activations are captured, and 0 where none are");
    }
  }

  boolean isNone() {
    return capture.isBlank() && editable.isBlank();
  }
}
