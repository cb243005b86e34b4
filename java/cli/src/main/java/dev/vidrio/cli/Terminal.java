package dev.vidrio.cli;

import java.io.Console;

/**
 * Which of the standard streams are terminals. Java can tell it only of input and output together,
 * so the launcher passes the numbers of those that are, in {@value #PROPERTY}.
 */
enum Terminal {
  IN('0'),
  OUT('1'),
  ERR('2');

  private static final String PROPERTY = "vidrio.terminals";

  private final char digit;

  Terminal(char digit) {
    this.digit = digit;
  }

  /** Whether this stream is a terminal. */
  boolean isTerminal() {
    String known = System.getProperty(PROPERTY);
    if (known != null) {
      return known.indexOf(digit) >= 0;
    }
    Console console = System.console();
    return console != null && console.isTerminal();
  }
}
