package dev.vidrio.engine.pace;

import java.util.Arrays;

/**
 * Estimates the time of a step by its number of rows, from the measured times of steps without
 * prompts. Other processes only lengthen steps, so a shorter time counts more than a longer one.
 * Used by the scheduler's thread only.
 */
public final class StepCosts {
  /** The share of the time of the smallest step that one more row takes, until it is measured. */
  private static final double GUESS = 0.1;

  /** A step that exceeds its estimate by this factor was delayed by other processes. */
  private static final double MAX_SLOWDOWN = 1.5;

  /** The weight of a time above the estimate. */
  private static final double WEIGHT_ABOVE = 0.1;

  /** The weight of a time below the estimate. */
  private static final double WEIGHT_BELOW = 0.5;

  /** Mean times by number of rows, in nanoseconds; 0 if not measured. */
  private final double[] means;

  /** Estimated times by number of rows. */
  private final double[] estimates;

  private int first;

  /**
   * Creates estimates without measurements. Until the first one, the unit is the time of a step of
   * one row.
   *
   * @param maxRows maximum number of rows of a step
   */
  public StepCosts(int maxRows) {
    this.means = new double[maxRows + 1];
    this.estimates = new double[maxRows + 1];
    this.first = maxRows + 1;
    for (int rows = 1; rows <= maxRows; rows++) {
      estimates[rows] = 1 + GUESS * (rows - 1);
    }
  }

  /** Adds the measured time of a step. */
  public void observe(int rows, double nanos) {
    double mean = means[rows];
    if (mean == 0) {
      means[rows] = nanos;
      first = Math.min(first, rows);
    } else {
      double trusted = Math.min(nanos, MAX_SLOWDOWN * mean);
      means[rows] += (nanos < mean ? WEIGHT_BELOW : WEIGHT_ABOVE) * (trusted - mean);
    }
    estimate();
  }

  /**
   * Estimates the times of all numbers of rows: linear between measured ones, where a step never
   * takes longer than one of more rows, and beyond the largest.
   */
  private void estimate() {
    int last = means.length - 1;
    while (means[last] == 0) {
      last--;
    }
    int above = last;
    estimates[last] = means[last];
    for (int rows = last - 1; rows > 0; rows--) {
      if (means[rows] > 0) {
        estimates[rows] = Math.min(means[rows], estimates[above]);
        interpolate(rows, above);
        above = rows;
      }
    }
    Arrays.fill(estimates, 0, first, estimates[first]);
    double slope =
        first == last
            ? GUESS * estimates[first]
            : (estimates[last] - estimates[first]) / (last - first);
    for (int rows = last + 1; rows < estimates.length; rows++) {
      estimates[rows] = estimates[last] + slope * (rows - last);
    }
  }

  private void interpolate(int from, int to) {
    double slope = (estimates[to] - estimates[from]) / (to - from);
    for (int rows = from + 1; rows < to; rows++) {
      estimates[rows] = estimates[from] + slope * (rows - from);
    }
  }

  /** Returns whether a step of this many rows, or fewer, was measured. */
  public boolean covers(int rows) {
    return first <= rows;
  }

  /** Returns the estimated time of a step, of at most the maximum number of rows. */
  public double nanos(int rows) {
    return estimates[Math.min(rows, estimates.length - 1)];
  }
}
