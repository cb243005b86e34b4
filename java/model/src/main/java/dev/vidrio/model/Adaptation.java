package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;

/**
 * An adapter and its strength.
 *
 * @param strength scales the adapter: 1 as trained, 0 as if there were none; finite
 */
public record Adaptation(Adapter adapter, float strength) {
  /** Checks the strength. */
  public Adaptation {
    if (!Float.isFinite(strength)) {
      throw new InvalidInputException(
          "strength of adapter", Float.toString(strength), "must be finite");
    }
  }
}
