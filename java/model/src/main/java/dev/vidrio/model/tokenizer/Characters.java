package dev.vidrio.model.tokenizer;

/**
 * Reads UTF-8 as the pre-tokenizers see it: each character is a letter (general category L), a
 * number (N), white space (the property White_Space) or something else. A byte that is no part of a
 * well-formed character counts as a character of its own, of the last kind.
 *
 * <p>A character is packed into an int, so that reading one allocates nothing.
 */
final class Characters {

  /** The kind of what follows the last character. */
  static final int END = 0;

  static final int LETTER = 1;
  static final int NUMBER = 2;
  static final int SPACE = 3;
  static final int OTHER = 4;

  private static final byte[] ASCII = new byte[0x80];

  static {
    for (int c = 0; c < ASCII.length; c++) {
      ASCII[c] = (byte) pack(kindOf(c), 1);
    }
  }

  private Characters() {}

  /** Returns the character at {@code pos}, or one of kind END and length 0 if that is the end. */
  static int at(byte[] text, int pos, int end) {
    if (pos >= end) {
      return END;
    }
    byte lead = text[pos];
    return lead >= 0 ? ASCII[lead] : beyondAscii(text, pos, end);
  }

  /** Returns the kind of a character. */
  static int kind(int character) {
    return character >> 3;
  }

  /** Returns the number of bytes of a character. */
  static int length(int character) {
    return character & 7;
  }

  private static int beyondAscii(byte[] text, int pos, int end) {
    int length = Utf8.lengthAt(text, pos, end);
    return length == 1 ? pack(OTHER, 1) : pack(kindOf(Utf8.codePointAt(text, pos, end)), length);
  }

  private static int pack(int kind, int length) {
    return (kind << 3) | length;
  }

  /** Returns the kind of a code point. */
  static int kindOf(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.UPPERCASE_LETTER,
          Character.LOWERCASE_LETTER,
          Character.TITLECASE_LETTER,
          Character.MODIFIER_LETTER,
          Character.OTHER_LETTER ->
          LETTER;
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER ->
          NUMBER;
      case Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR ->
          SPACE;
      default -> (codePoint >= '\t' && codePoint <= '\r') || codePoint == 0x85 ? SPACE : OTHER;
    };
  }
}
