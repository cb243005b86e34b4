package dev.vidrio.error;

/** Formats text of unknown origin as one printable line, for error messages. */
public final class ErrorText {

  /** Matches {@code PATH_MAX} of Linux, so that a path is always shown whole. */
  private static final int MAX_FILE = 4096;

  private static final int MAX_PART = 240;

  private ErrorText() {}

  /** Joins the parts that are not empty as {@code file: field value: limit}. */
  static String line(String file, String field, String value, String limit) {
    StringBuilder line = new StringBuilder(file(file));
    if (!field.isEmpty()) {
      line.append(line.isEmpty() ? "" : ": ").append(part(field));
    }
    if (!value.isEmpty()) {
      line.append(field.isEmpty() ? ": " : " ").append(part(value));
    }
    return line.append(": ").append(part(limit)).toString();
  }

  static String file(String text) {
    return printable(text, MAX_FILE);
  }

  static String part(String text) {
    return printable(text, MAX_PART);
  }

  /**
   * Escapes what moves a cursor, breaks the line or reorders text, and cuts after {@code max} code
   * points.
   */
  public static String printable(String text, int max) {
    StringBuilder out = new StringBuilder(Math.min(text.length(), max) + 8);
    int count = 0;
    for (int i = 0; i < text.length(); count++) {
      if (count == max) {
        return out.append('…').toString();
      }
      int codePoint = text.codePointAt(i);
      i += Character.charCount(codePoint);
      if (isPrintable(codePoint)) {
        out.appendCodePoint(codePoint);
      } else {
        out.append("\\u{").append(Integer.toHexString(codePoint)).append('}');
      }
    }
    return out.toString();
  }

  private static boolean isPrintable(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED ->
          false;
      default -> true;
    };
  }
}
