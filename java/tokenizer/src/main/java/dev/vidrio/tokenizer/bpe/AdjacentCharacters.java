package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.text.Utf8;

/**
 * The pairs of characters that are adjacent in some token. Between two characters that are adjacent
 * in no token, no merge is possible, so the text can be split there without changing its tokens.
 *
 * <p>The pairs are a set of hashes. A collision is harmless: the text is then split less often.
 */
final class AdjacentCharacters {

  private static final int BITS = 21;

  private final long[] hashes = new long[1 << (BITS - 6)];

  /** Adds the adjacent pairs of a token. */
  void addAll(byte[] token) {
    int left = Utf8.codePointAt(token, 0, token.length);
    for (int pos = Utf8.lengthAt(token, 0, token.length); pos < token.length; ) {
      int right = Utf8.codePointAt(token, pos, token.length);
      int hash = hash(left, right);
      hashes[hash >> 6] |= 1L << hash;
      left = right;
      pos += Utf8.lengthAt(token, pos, token.length);
    }
  }

  /** Returns whether some token may contain the two code points next to each other. */
  boolean mayContain(int left, int right) {
    int hash = hash(left, right);
    return (hashes[hash >> 6] >>> hash & 1) != 0;
  }

  private static int hash(int left, int right) {
    long pair = ((long) left << 32) | right;
    return (int) ((pair * 0x9E3779B97F4A7C15L) >>> (Long.SIZE - BITS));
  }
}
