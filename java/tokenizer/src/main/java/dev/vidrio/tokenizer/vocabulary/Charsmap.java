package dev.vidrio.tokenizer.vocabulary;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * SentencePiece's {@code precompiled_charsmap}, a table of replacements: a double-array trie of
 * UTF-8 (Kanda 2018), then the replacements, each terminated by a zero byte.
 */
public final class Charsmap {

  /** The empty table. */
  public static final Charsmap EMPTY = new Charsmap(new byte[0]);

  /**
   * Bounds the growth of a text; the longest replacement of Unicode's compatibility decomposition
   * has 33 bytes.
   */
  private static final int MAX_REPLACEMENT = 1000;

  private final int[] trie;
  private final byte[] replacements;

  /**
   * Reads a table.
   *
   * @param blob the length of the trie in bytes as little-endian 32 bits, the trie and the
   *     replacements; or an empty array
   * @throws IllegalArgumentException if the length does not fit or a replacement is longer than
   *     1000 bytes
   */
  public Charsmap(byte[] blob) {
    if (blob.length == 0) {
      trie = new int[0];
      replacements = new byte[0];
      return;
    }
    ByteBuffer buffer = ByteBuffer.wrap(blob).order(ByteOrder.LITTLE_ENDIAN);
    long length = blob.length < 4 ? -1 : Integer.toUnsignedLong(buffer.getInt());
    if (length < 0 || length % 4 != 0 || length > blob.length - 4) {
      throw new IllegalArgumentException("the trie is longer than the table");
    }
    trie = new int[(int) length / 4];
    buffer.asIntBuffer().get(trie);
    replacements = Arrays.copyOfRange(blob, 4 + (int) length, blob.length);
    int begin = 0;
    for (int i = 0; i < replacements.length; i++) {
      begin = replacements[i] == 0 ? i + 1 : begin;
      if (i - begin >= MAX_REPLACEMENT) {
        throw new IllegalArgumentException(
            "a replacement is longer than " + MAX_REPLACEMENT + " bytes");
      }
    }
  }

  /**
   * Returns the longest or shortest match at {@code pos}: its length in the upper half, the index
   * of its replacement in the lower half; 0 if there is none.
   */
  public long match(byte[] text, int pos, int end, boolean shortest) {
    long found = 0;
    int node = trie.length == 0 ? 0 : base(trie[0]);
    for (int i = pos; i < end && !(shortest && found != 0); i++) {
      int b = Byte.toUnsignedInt(text[i]);
      node ^= b;
      if (b == 0 || node < 0 || node >= trie.length || (trie[node] & 0x8000_00FF) != b) {
        break;
      }
      boolean leaf = (trie[node] >>> 8 & 1) != 0;
      node ^= base(trie[node]);
      if (leaf && node >= 0 && node < trie.length) {
        found = ((long) (i + 1 - pos) << 32) | (trie[node] & Integer.MAX_VALUE);
      }
    }
    return found;
  }

  /**
   * Appends the replacement of the shortest match at {@code pos} and returns whether there is one.
   */
  public boolean replaceBeginning(byte[] text, int pos, int end, StringBuilder out) {
    long match = match(text, pos, end, true);
    if (match == 0) {
      return false;
    }
    int from = (int) match;
    int to = from;
    while (replacement(to) != 0) {
      to++;
    }
    if (from < to) {
      out.append(new String(replacements, from, to - from, UTF_8));
    }
    return true;
  }

  private static int base(int unit) {
    return (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
  }

  /** Returns a byte of a replacement, 0 at its end. */
  public byte replacement(int index) {
    return index < replacements.length ? replacements[index] : 0;
  }
}
