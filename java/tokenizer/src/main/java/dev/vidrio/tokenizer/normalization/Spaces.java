package dev.vidrio.tokenizer.normalization;

import java.util.Arrays;

/**
 * SentencePiece's spelling of the space, U+2581. Here tokens and text have spaces instead: what is
 * spelled U+2581 in a text is a space to SentencePiece too.
 */
public final class Spaces {

  private static final char ESCAPED = '\u2581';

  private Spaces() {}

  /** Returns the text of a spelling. */
  public static String unescape(String spelling) {
    return spelling.replace(ESCAPED, ' ');
  }

  /** Copies text, with a space for each U+2581 and, if asked for, one before all. */
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

  /** Says whether at {@code pos} there is a space, spelled either way. */
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
