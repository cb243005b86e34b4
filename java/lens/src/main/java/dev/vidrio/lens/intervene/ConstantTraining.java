package dev.vidrio.lens.intervene;

import dev.vidrio.lens.resolve.Preconditions;

/**
 * Options of the training of constants for optimal ablation, by Adam with a learning rate that
 * falls linearly to 0.
 *
 * @param steps number of steps, each with a text or a batch of texts
 * @param rate learning rate of the first step, relative to the root mean square of a component's
 *     output
 * @see OptimalConstants
 * @see dev.vidrio.lens.circuit.OptimalAblation
 */
public record ConstantTraining(int steps, double rate) {
  /** 40 steps. */
  public static final ConstantTraining DEFAULT = new ConstantTraining(40, 0.05);

  /** Rejects values out of range. */
  public ConstantTraining {
    Preconditions.requirePositive("steps", steps);
    Preconditions.require(
        rate > 0 && Double.isFinite(rate), "learning rate", rate, "must be positive");
  }

  /** Returns options with another number of steps. */
  public ConstantTraining withSteps(int newSteps) {
    return new ConstantTraining(newSteps, rate);
  }

  /**
   * Returns the learning rate of a component in a step.
   *
   * @param step from 1
   * @param size root mean square of the component's output
   */
  public double rate(int step, double size) {
    return rate * size * (1 - (step - 1.0) / steps);
  }
}
