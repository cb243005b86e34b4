package dev.vidrio.lens.decode;

import dev.vidrio.lens.resolve.Preconditions;

/**
 * A learning rate that falls linearly to zero over the steps of a training: that of step k, from 0,
 * is {@code initial * (1 - k / steps)}.
 */
record LearningRate(double initial, int steps) {
  LearningRate {
    Preconditions.require(
        initial > 0 && initial < 1, "learning rate", initial, "must be above 0 and below 1");
    Preconditions.requirePositive("steps", steps);
  }

  /** Returns the rate of a step, from 0. */
  double at(int step) {
    Preconditions.require(
        step < steps, "steps", step + 1, "must be at most the " + steps + " of the training");
    return initial * (1 - (double) step / steps);
  }
}
