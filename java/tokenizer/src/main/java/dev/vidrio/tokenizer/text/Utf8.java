package dev.vidrio.tokenizer.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.util.function.UnaryOperator;

/** Well-formed UTF-8 (Unicode Standard, table 3-7). */
public final class Utf8 {

  private static final byte[] REPLACEMENT = {(byte) 0xEF, (byte) 0xBF, (byte) 0xBD};

  private Utf8() {}

  /** Returns the number of bytes of the character that begins with a byte, or 0 if none does. */
  static int length(int lead) {
    if (lead < 0x80) {
      return 1;
    }
    if (lead < 0xC2 || lead > 0xF4) {
      return 0;
    }
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  }

  /** Returns the lowest valid second byte after a lead byte. */
  static int minSecond(int lead) {
    return lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  }

  /** Returns the highest valid second byte after a lead byte. */
  static int maxSecond(int lead) {
    return lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  }

  /**
   * Returns the code point at {@code pos}, or U+FFFD for a byte that is not part of a well-formed
   * character before {@code end}.
   */
  public static int codePointAt(byte[] text, int pos, int end) {
    int lead = text[pos];
    if (lead >= 0) {
      return lead;
    }
    int length = lengthAt(text, pos, end);
    if (length == 1) {
      return 0xFFFD;
    }
    int codePoint = lead & (0x7F >> length);
    for (int i = 1; i < length; i++) {
      codePoint = (codePoint << 6) | (text[pos + i] & 0x3F);
    }
    return codePoint;
  }

  /** Returns the number of bytes of the character at {@code pos}; 1 for an ill-formed byte. */
  public static int lengthAt(byte[] text, int pos, int end) {
    int lead = Byte.toUnsignedInt(text[pos]);
    int length = length(lead);
    if (length <= 1 || length > end - pos) {
      return 1;
    }
    int second = Byte.toUnsignedInt(text[pos + 1]);
    if (second < minSecond(lead) || second > maxSecond(lead)) {
      return 1;
    }
    for (int i = 2; i < length; i++) {
      if ((text[pos + i] & 0xC0) != 0x80) {
        return 1;
      }
    }
    return length;
  }

  /** Transforms the well-formed parts of a text; other bytes are unchanged. */
  public static byte[] change(byte[] text, int start, int end, UnaryOperator<String> change) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(end - start);
    int run = start;
    for (int pos = start; pos < end; ) {
      int length = lengthAt(text, pos, end);
      if (length == 1 && text[pos] < 0) {
        out.writeBytes(changed(text, run, pos, change));
        out.write(text[pos]);
        run = pos + 1;
      }
      pos += length;
    }
    out.writeBytes(changed(text, run, end, change));
    return out.toByteArray();
  }

  private static byte[] changed(byte[] text, int start, int end, UnaryOperator<String> change) {
    return change.apply(new String(text, start, end - start, UTF_8)).getBytes(UTF_8);
  }

  /**
   * Returns the start of the last character before {@code end}; {@code end} must be after {@code
   * start}.
   */
  public static int lastStart(byte[] text, int start, int end) {
    for (int pos = Math.max(start, end - 4); pos < end - 1; pos++) {
      if (pos + lengthAt(text, pos, end) == end) {
        return pos;
      }
    }
    return end - 1;
  }

  /** Encodes a string; an unpaired surrogate becomes U+FFFD. */
  public static byte[] encode(String text) {
    // getBytes would replace such a surrogate by a question mark
    try {
      ByteBuffer bytes =
          UTF_8
              .newEncoder()
              .onMalformedInput(CodingErrorAction.REPLACE)
              .replaceWith(REPLACEMENT)
              .encode(CharBuffer.wrap(text));
      byte[] result = new byte[bytes.remaining()];
      bytes.get(result);
      return result;
    } catch (CharacterCodingException e) {
      throw new IllegalStateException("malformed input is replaced", e);
    }
  }
}
