package dev.vidrio.engine.draft;

import dev.vidrio.engine.sequence.TokenSequence;

/**
 * Proposes the tokens that followed the last earlier occurrence of the final n-gram (prompt lookup
 * decoding: Saxena 2023; Yang et al. 2023, arXiv 2304.04487).
 */
final class PromptLookup {
  /** The length of the n-gram. */
  private static final int MATCH = 3;

  private PromptLookup() {}

  /** Returns the tokens after the match, at most {@code max}; empty if there is none. */
  static int[] draft(TokenSequence tokens, int max) {
    for (int end = tokens.length() - 1; end >= MATCH; end--) {
      if (matches(tokens, end)) {
        return tokens.tokens(end, Math.min(tokens.length(), end + max));
      }
    }
    return new int[0];
  }

  private static boolean matches(TokenSequence tokens, int end) {
    for (int i = 1; i <= MATCH; i++) {
      if (tokens.token(end - i) != tokens.token(tokens.length() - i)) {
        return false;
      }
    }
    return true;
  }
}
