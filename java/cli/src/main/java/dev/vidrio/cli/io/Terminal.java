package dev.vidrio.cli.io;

/**
 * The standard streams, and which of them are terminals. Java detects only whether input and output
 * both are, so the launcher passes the numbers of terminals in {@value #PROPERTY}.
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

  /** Returns whether this stream is a terminal of the user of the command. */
  public boolean isTerminal() {
    return !Workspace.isActive() && System.getProperty(PROPERTY, "").indexOf(digit) >= 0;
  }
}
