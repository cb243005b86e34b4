package dev.vidrio.template.syntax;

/** The escapes of Python's string literals. */
final class StringLiteral {

  private StringLiteral() {}

  /** Returns the value of the text between a literal's quotes. */
  static String unescape(String body, int line, TemplateErrors errors) {
    int backslash = body.indexOf('\\');
    if (backslash < 0) {
      return body;
    }
    StringBuilder out = new StringBuilder(body.length());
    int i = 0;
    while (i < body.length()) {
      char c = body.charAt(i);
      if (c != '\\') {
        out.append(c);
        i++;
      } else {
        i = escape(body, i + 1, out, line, errors);
      }
    }
    return out.toString();
  }

  /** Appends an escape whose letter is at an index, and returns the index after it. */
  private static int escape(
      String body, int index, StringBuilder out, int line, TemplateErrors errors) {
    char letter = body.charAt(index);
    switch (letter) {
      case '\n' -> {}
      case '\\', '\'', '"' -> out.append(letter);
      case 'a' -> out.append('\u0007');
      case 'b' -> out.append('\b');
      case 'f' -> out.append('\f');
      case 'n' -> out.append('\n');
      case 'r' -> out.append('\r');
      case 't' -> out.append('\t');
      case 'v' -> out.append('\u000b');
      case 'x' -> {
        return codePoint(body, index + 1, 2, out, line, errors);
      }
      case 'u' -> {
        return codePoint(body, index + 1, 4, out, line, errors);
      }
      case 'U' -> {
        return codePoint(body, index + 1, 8, out, line, errors);
      }
      case 'N' -> throw errors.unsupported(line, "string escape '\\N'");
      case '0', '1', '2', '3', '4', '5', '6', '7' -> {
        return octal(body, index, out);
      }
      default -> out.append('\\').append(letter);
    }
    return index + 1;
  }

  private static int codePoint(
      String body, int start, int digits, StringBuilder out, int line, TemplateErrors errors) {
    int end = start + digits;
    long value = 0;
    for (int i = start; i < end; i++) {
      int digit = i < body.length() ? Character.digit(body.charAt(i), 16) : -1;
      if (digit < 0) {
        throw errors.syntax(line, "incomplete string escape: \\" + body.charAt(start - 1));
      }
      value = value << 4 | digit;
    }
    if (value > Character.MAX_CODE_POINT) {
      throw errors.syntax(line, "invalid string escape: U+" + Long.toHexString(value));
    }
    out.appendCodePoint((int) value);
    return end;
  }

  private static int octal(String body, int start, StringBuilder out) {
    int value = 0;
    int i = start;
    while (i < body.length() && i < start + 3 && Character.digit(body.charAt(i), 8) >= 0) {
      value = value * 8 + Character.digit(body.charAt(i), 8);
      i++;
    }
    out.appendCodePoint(value);
    return i;
  }
}
