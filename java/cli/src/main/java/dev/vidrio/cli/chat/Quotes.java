package dev.vidrio.cli.chat;

/** Triple quotes around messages of several lines. */
final class Quotes {
  private static final String MARK = "\"\"\"";

  private Quotes() {}

  /** Returns whether a message has opening but no closing quotes. */
  static boolean areOpen(String message) {
    String text = message.strip();
    return text.startsWith(MARK) && (text.length() < 2 * MARK.length() || !text.endsWith(MARK));
  }

  /** Returns the message without its quotes. */
  static String removed(String message) {
    String text = message.strip();
    return text.startsWith(MARK) && !areOpen(text)
        ? text.substring(MARK.length(), text.length() - MARK.length()).strip()
        : message;
  }
}
