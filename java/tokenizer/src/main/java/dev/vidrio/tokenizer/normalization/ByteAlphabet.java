package dev.vidrio.tokenizer.normalization;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;

/**
 * GPT-2's alphabet for bytes (Radford et al. 2019): a byte that is a printable, non-space Latin-1
 * character is spelled as that character, the others in ascending order as U+0100, U+0101 and so
 * on.
 */
public final class ByteAlphabet {

  private static final char[] LETTERS = new char[256];

  /** The byte of each character, −1 if there is none. */
  private static final short[] BYTES = new short[0x144];

  static {
    Arrays.fill(BYTES, (short) -1);
    char next = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean printable = (b > 0x20 && b < 0x7F) || (b > 0xA0 && b != 0xAD);
      LETTERS[b] = printable ? (char) b : next++;
      BYTES[LETTERS[b]] = (short) b;
    }
  }

  private ByteAlphabet() {}

  /** Returns the spelling of the bytes from {@code start} to before {@code end}. */
  public static String spell(byte[] bytes, int start, int end) {
    char[] letters = new char[end - start];
    for (int i = 0; i < letters.length; i++) {
      letters[i] = LETTERS[Byte.toUnsignedInt(bytes[start + i])];
    }
    return new String(letters);
  }

  /**
   * Returns the bytes of a spelling. A string with a character outside the alphabet is plain text
   * and is returned as UTF-8.
   */
  public static byte[] bytes(String spelling) {
    byte[] bytes = new byte[spelling.length()];
    for (int i = 0; i < bytes.length; i++) {
      char letter = spelling.charAt(i);
      if (letter >= BYTES.length || BYTES[letter] < 0) {
        return spelling.getBytes(UTF_8);
      }
      bytes[i] = (byte) BYTES[letter];
    }
    return bytes;
  }
}
