package dev.vidrio.engine.pace;

/** Means in which the last values count most. */
final class RecentMean {
  private RecentMean() {}

  /**
   * The mean with one more value.
   *
   * @param before the mean so far; 0 before the first value
   * @param weight of the new value, 0 to 1
   */
  static double of(double before, double value, double weight) {
    return before == 0 ? value : before + weight * (value - before);
  }
}
