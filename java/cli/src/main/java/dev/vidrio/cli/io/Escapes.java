package dev.vidrio.cli.io;

/** Text of unknown origin, made safe to show on a terminal. */
public final class Escapes {
  private Escapes() {}

  /**
   * What standard output shows of a model's text: where it is a terminal, control characters other
   * than line ends and tabs are escaped, for a terminal would obey them.
   */
  public static String shown(String text) {
    return shown(text, Terminal.OUT);
  }

  /** What a stream shows of it. */
  public static String shown(String text, Terminal stream) {
    if (!stream.isTerminal()) {
      return text;
    }
    var shown = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              if (Character.isISOControl(c) && c != '\n' && c != '\t') {
                shown.append("\\u{%x}".formatted(c));
              } else {
                shown.appendCodePoint(c);
              }
            });
    return shown.toString();
  }

  /** The text on one line, in quotes, control characters escaped as in Java. */
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
