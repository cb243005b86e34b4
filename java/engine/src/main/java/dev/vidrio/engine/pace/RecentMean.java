package dev.vidrio.engine.pace;

/** Exponentially weighted means. */
final class RecentMean {
  private RecentMean() {}

  /**
   * Returns the mean with one more value.
   *
   * @param before the mean so far; 0 before the first value
   * @param weight the weight of the new value, 0 to 1
   */
  static double of(double before, double value, double weight) {
    return before == 0 ? value : before + weight * (value - before);
  }
}
