package dev.vidrio.engine;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.error.InvalidInputException;

/**
 * The hook points at which requests may capture and edit activations.
 *
 * @param capture hook points captured for {@linkplain GenerationRequest#watched watched} requests,
 *     as in {@link dev.vidrio.lens.Capture#hooks}; empty for none
 * @param editable hook points that requests may {@linkplain GenerationRequest#edits edit}; empty
 *     for none
 * @param watched maximum number of watched requests that run at once
 */
public record LensOptions(String capture, String editable, int watched) {
  /** No capturing and no editing. */
  public static final LensOptions NONE = new LensOptions("", "", 0);

  /** Steering: the residual stream after every block may be edited; nothing is captured. */
  public static final LensOptions STEERING = new LensOptions("", "blocks.*.hook_resid_post", 0);

  /** Rejects a number of watched requests that does not match {@code capture}. */
  public LensOptions {
    if (watched < 0 || (watched == 0) != capture.isBlank()) {
      throw new InvalidInputException(
          "watched", watched, "must be positive if activations are captured, and 0 otherwise");
    }
  }

  /** Returns whether nothing can be captured or edited. */
  boolean isNone() {
    return capture.isBlank() && editable.isBlank();
  }
}
