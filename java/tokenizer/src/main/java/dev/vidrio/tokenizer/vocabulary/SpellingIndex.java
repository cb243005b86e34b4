package dev.vidrio.tokenizer.vocabulary;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Finds tokens by their spelling: open addressing, linear probing, a polynomial hash. It looks up
 * parts of a string without copying them, since a vocabulary has hundreds of thousands of merges,
 * each of three spellings. The multiplier is random, so that a model file cannot contain spellings
 * chosen to collide.
 */
public final class SpellingIndex {
  /** The id of a spelling that no token has. */
  public static final int ABSENT = -1;

  private final long multiplier = ThreadLocalRandom.current().nextLong() | 1;
  private final List<String> tokens;
  private final int[] slots;
  private final int shift;

  /** Creates an empty index of tokens, which are to be {@linkplain #add added}. */
  public SpellingIndex(List<String> tokens) {
    int bits = Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(tokens.size(), 1) * 2 - 1);
    this.tokens = tokens;
    this.slots = new int[1 << bits];
    this.shift = Long.SIZE - bits;
    Arrays.fill(slots, ABSENT);
  }

  /** Adds a token and returns −1, or returns the id of an earlier token with its spelling. */
  public int add(int id) {
    String token = tokens.get(id);
    int slot = slot(token, 0, token.length(), token.length());
    if (slots[slot] == ABSENT) {
      slots[slot] = id;
      return ABSENT;
    }
    return slots[slot];
  }

  /** Returns whether a token has a spelling. */
  public boolean contains(String spelling) {
    return get(spelling) != ABSENT;
  }

  /** Returns the id of a spelling, or −1. */
  public int get(String spelling) {
    return get(spelling, 0, spelling.length());
  }

  /** Returns the id of the spelling in chars [from, to) of a text, or −1. */
  public int get(String text, int from, int to) {
    return slots[slot(text, from, to, to)];
  }

  /**
   * Returns the id of the spelling that remains of a text without the char at {@code gap}, or −1.
   */
  public int getWithout(String text, int gap) {
    return slots[slot(text, 0, gap, text.length())];
  }

  /**
   * Returns the slot of chars [from, middle) and (middle, to), which is empty if they are absent.
   */
  private int slot(String text, int from, int middle, int to) {
    long hash = 1;
    for (int i = from; i < middle; i++) {
      hash = hash * multiplier + text.charAt(i);
    }
    for (int i = middle + 1; i < to; i++) {
      hash = hash * multiplier + text.charAt(i);
    }
    int left = middle - from;
    int right = Math.max(to - middle - 1, 0);
    int slot = (int) ((hash * 0x9E3779B97F4A7C15L) >>> shift);
    for (; slots[slot] != ABSENT; slot = (slot + 1) & (slots.length - 1)) {
      String token = tokens.get(slots[slot]);
      if (token.length() == left + right
          && text.regionMatches(from, token, 0, left)
          && (right == 0 || text.regionMatches(middle + 1, token, left, right))) {
        break;
      }
    }
    return slot;
  }
}
