package dev.vidrio.cli.io;

/**
 * Which of the standard streams are terminals. Java can tell it only of input and output together,
 * so the launcher passes the numbers of those that are, in {@value #PROPERTY}; without it none is.
 */
public enum Terminal {
  IN('0'),
  OUT('1'),
  ERR('2');

  private static final String PROPERTY = "vidrio.terminals";

  private final char digit;

  Terminal(char digit) {
    this.digit = digit;
  }

  /** Whether this stream is a terminal. */
  public boolean isTerminal() {
    return System.getProperty(PROPERTY, "").indexOf(digit) >= 0;
  }
}
