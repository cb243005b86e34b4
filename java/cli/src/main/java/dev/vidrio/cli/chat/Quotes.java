package dev.vidrio.cli.chat;

/** Messages of several lines: from three quotes to the next three. */
final class Quotes {
  private static final String MARK = "\"\"\"";

  private Quotes() {}

  /** Whether a message that begins with quotes still needs those at its end. */
  static boolean areOpen(String message) {
    String text = message.strip();
    return text.startsWith(MARK) && (text.length() < 2 * MARK.length() || !text.endsWith(MARK));
  }

  /** The message without them. */
  static String removed(String message) {
    String text = message.strip();
    return text.startsWith(MARK) && !areOpen(text)
        ? text.substring(MARK.length(), text.length() - MARK.length()).strip()
        : message;
  }
}
