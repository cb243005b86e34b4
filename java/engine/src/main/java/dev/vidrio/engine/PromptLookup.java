package dev.vidrio.engine;

/**
 * Guesses how a text goes on where it repeats itself: as it did after the last place that had the
 * same tokens as its end (prompt lookup decoding: Saxena 2023; Yang et al. 2023, arXiv 2304.04487).
 */
final class PromptLookup {
  /** Tokens at the end that have to be the same. */
  private static final int MATCH = 3;

  private PromptLookup() {}

  /**
   * The tokens that followed, at most {@code most}; empty where the end has no second place.
   *
   * @param tokens of which the first {@code count} are the text
   */
  static int[] guess(int[] tokens, int count, int most) {
    for (int end = count - 1; end >= MATCH; end--) {
      if (matches(tokens, end, count)) {
        int[] guess = new int[Math.min(most, count - end)];
        System.arraycopy(tokens, end, guess, 0, guess.length);
        return guess;
      }
    }
    return new int[0];
  }

  private static boolean matches(int[] tokens, int end, int count) {
    for (int i = 1; i <= MATCH; i++) {
      if (tokens[end - i] != tokens[count - i]) {
        return false;
      }
    }
    return true;
  }
}
