package dev.vidrio.cli.io;

/** Escapes of untrusted text for terminals. */
public final class Escapes {
  private Escapes() {}

  /**
   * Escapes control characters of a model's text if standard output is a terminal, which would
   * execute them. Line ends and tabs are kept.
   */
  public static String shown(String text) {
    return shown(text, Terminal.OUT);
  }

  /** Escapes control characters as {@link #shown(String)} does, for a stream. */
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

  /** Returns the text on one line, in quotes, with control characters escaped as in Java. */
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
