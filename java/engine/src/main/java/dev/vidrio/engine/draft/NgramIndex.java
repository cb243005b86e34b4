package dev.vidrio.engine.draft;

import dev.vidrio.engine.sequence.TokenSequence;
import java.util.Arrays;

/**
 * Finds the longest earlier occurrence of the last tokens of a sequence, and of several as long the
 * most recent one. Chains of positions after n-grams with equal hashes, as in LZ77 compressors,
 * make the time independent of the length of the sequence.
 */
final class NgramIndex {
  /** The maximum length of an occurrence; longer ones are not distinguished. */
  static final int MAX_LENGTH = 32;

  /** The number of occurrences that are compared, from the most recent one. */
  private static final int MAX_COMPARED = 64;

  /** Longer n-grams first, since the chains of frequent single tokens are long. */
  private final Chains[] orders = {new Chains(4), new Chains(2), new Chains(1)};

  private int length;
  private int end = -1;

  /** The positions after n-grams, each linked to the one before it with the same hash. */
  private static final class Chains {
    private static final int MIN_HEADS = 256;

    final int n;
    private int[] heads = new int[0];
    private int[] previous = new int[0];
    private int indexed;

    Chains(int n) {
      this.n = n;
      this.indexed = n;
    }

    /** Adds the positions before {@code last}. */
    void add(TokenSequence tokens, int last) {
      if (last > heads.length) {
        // Hashes depend on the number of heads, so all positions are added again.
        heads = new int[Integer.highestOneBit(Math.max(MIN_HEADS, 2 * last))];
        Arrays.fill(heads, -1);
        previous = new int[heads.length];
        indexed = n;
      }
      for (; indexed < last; indexed++) {
        int head = hash(tokens, indexed);
        previous[indexed] = heads[head];
        heads[head] = indexed;
      }
    }

    int newest(TokenSequence tokens) {
      return heads[hash(tokens, tokens.length())];
    }

    int before(int position) {
      return previous[position];
    }

    private int hash(TokenSequence tokens, int position) {
      int hash = 0;
      for (int i = position - n; i < position; i++) {
        hash = 31 * hash + tokens.token(i);
      }
      // Multiplicative hashing by the golden ratio: the upper bits are mixed best.
      return (hash * 0x9E3779B9) >>> (Integer.numberOfLeadingZeros(heads.length) + 1);
    }
  }

  /**
   * Finds the occurrence for the tokens of a sequence, which has only grown since the last call.
   */
  void find(TokenSequence tokens) {
    length = 0;
    end = -1;
    int last = tokens.length();
    for (Chains chains : orders) {
      chains.add(tokens, last);
      if (last > chains.n && length < chains.n) {
        compare(tokens, chains);
      }
    }
  }

  private void compare(TokenSequence tokens, Chains chains) {
    int position = chains.newest(tokens);
    for (int i = 0; i < MAX_COMPARED && position >= 0; i++) {
      int common = common(tokens, position);
      // Other n-grams may have the same hash.
      if (common >= chains.n && common > length) {
        length = common;
        end = position;
      }
      position = chains.before(position);
    }
  }

  /** Returns how many tokens before a position equal the last ones, at most the maximum. */
  private static int common(TokenSequence tokens, int position) {
    int max = Math.min(position, MAX_LENGTH);
    int common = 0;
    while (common < max
        && tokens.token(position - 1 - common) == tokens.token(tokens.length() - 1 - common)) {
      common++;
    }
    return common;
  }

  /** Returns the length of the occurrence, at most {@value #MAX_LENGTH}; 0 if there is none. */
  int length() {
    return length;
  }

  /**
   * Returns the tokens after the occurrence. Where they reach the end of the sequence, they
   * continue with themselves, as a repetition does.
   */
  int[] following(TokenSequence tokens, int count) {
    int[] following = new int[count];
    int known = Math.min(count, tokens.length() - end);
    for (int i = 0; i < count; i++) {
      following[i] = i < known ? tokens.token(end + i) : following[i - known];
    }
    return following;
  }
}
