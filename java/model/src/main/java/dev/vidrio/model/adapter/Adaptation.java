package dev.vidrio.model.adapter;

import dev.vidrio.error.InvalidInputException;

/**
 * An adapter and its strength.
 *
 * @param adapter the adapter
 * @param strength the factor of the adapter's update: 1 as trained, 0 for the unchanged model;
 *     finite
 */
public record Adaptation(Adapter adapter, float strength) {
  /** Rejects a strength that is not finite. */
  public Adaptation {
    if (!Float.isFinite(strength)) {
      throw new InvalidInputException("strength of adapter", strength, "must be finite");
    }
  }
}
