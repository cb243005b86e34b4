package dev.vidrio.tokenizer.normalization;

import java.util.Arrays;

/**
 * Converts SentencePiece's spelling of the space, U+2581, to the space. Tokens and text are
 * compared with plain spaces, since SentencePiece treats U+2581 in a text as a space too.
 */
public final class Spaces {

  private static final char ESCAPED = '\u2581';

  private Spaces() {}

  /** Replaces U+2581 by spaces. */
  public static String unescape(String spelling) {
    return spelling.replace(ESCAPED, ' ');
  }

  /** Copies text with U+2581 replaced by spaces, optionally with a space prepended. */
  public static byte[] unescape(byte[] text, int start, int end, boolean prefix) {
    byte[] copy = new byte[end - start + (prefix ? 1 : 0)];
    int length = 0;
    if (prefix) {
      copy[length++] = ' ';
    }
    for (int pos = start; pos < end; ) {
      if (isEscaped(text, pos, end)) {
        copy[length++] = ' ';
        pos += 3;
      } else {
        copy[length++] = text[pos++];
      }
    }
    return length == copy.length ? copy : Arrays.copyOf(copy, length);
  }

  /** Returns whether there is a space or U+2581 at {@code pos}. */
  public static boolean isSpace(byte[] text, int pos, int end) {
    return text[pos] == ' ' || isEscaped(text, pos, end);
  }

  private static boolean isEscaped(byte[] text, int pos, int end) {
    return text[pos] == (byte) 0xE2
        && end - pos >= 3
        && text[pos + 1] == (byte) 0x96
        && text[pos + 2] == (byte) 0x81;
  }
}
