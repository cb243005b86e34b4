package dev.vidrio.cli.io;

/** Text of unknown origin, made safe to show on one line of a terminal. */
public final class Escapes {
  private Escapes() {}

  /** The text in quotes, control characters escaped as in Java. */
  public static String quote(String text) {
    var quoted = new StringBuilder("\"");
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '\n' -> quoted.append("\\n");
                case '\r' -> quoted.append("\\r");
                case '\t' -> quoted.append("\\t");
                case '"', '\\' -> quoted.append('\\').appendCodePoint(c);
                default -> appendPrintable(quoted, c);
              }
            });
    return quoted.append('"').toString();
  }

  private static void appendPrintable(StringBuilder target, int c) {
    if (Character.isISOControl(c) || Character.getType(c) == Character.FORMAT) {
      target.append("\\u{%x}".formatted(c));
    } else {
      target.appendCodePoint(c);
    }
  }
}
