package dev.vidrio.engine.draft;

import dev.vidrio.engine.text.Branch;

/**
 * Guesses how a text goes on where it repeats itself: as it did after the last place that had the
 * same tokens as its end (prompt lookup decoding: Saxena 2023; Yang et al. 2023, arXiv 2304.04487).
 */
final class PromptLookup {
  /** Tokens at the end that have to be the same. */
  private static final int MATCH = 3;

  private PromptLookup() {}

  /** The tokens that followed, at most {@code most}; empty where the end has no second place. */
  static int[] guess(Branch text, int most) {
    for (int end = text.length() - 1; end >= MATCH; end--) {
      if (matches(text, end)) {
        return text.tokens(end, Math.min(text.length(), end + most));
      }
    }
    return new int[0];
  }

  private static boolean matches(Branch text, int end) {
    for (int i = 1; i <= MATCH; i++) {
      if (text.token(end - i) != text.token(text.length() - i)) {
        return false;
      }
    }
    return true;
  }
}
