package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.text.Utf8;

/**
 * Which characters stand side by side within tokens. Where two do so in no token, no merge spans
 * them, and the text may be cut there without changing its tokens.
 *
 * <p>The pairs are kept as a set of hashes, so that some are taken for neighbours that are none;
 * the text then is cut less often.
 */
final class Neighbours {

  private static final int BITS = 21;

  private final long[] hashes = new long[1 << (BITS - 6)];

  /** Adds the neighbours within a token. */
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

  /** Says whether a token may hold these two code points side by side. */
  boolean mayHold(int left, int right) {
    int hash = hash(left, right);
    return (hashes[hash >> 6] >>> hash & 1) != 0;
  }

  private static int hash(int left, int right) {
    long pair = ((long) left << 32) | right;
    return (int) ((pair * 0x9E3779B97F4A7C15L) >>> (Long.SIZE - BITS));
  }
}
