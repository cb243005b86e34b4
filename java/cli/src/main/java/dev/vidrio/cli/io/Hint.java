package dev.vidrio.cli.io;

/** Suggestions of a next command, printed after the results on a terminal only. */
public final class Hint {
  private Hint() {}

  /** Prints a suggestion, separated by an empty line, if standard output is a terminal. */
  public static void print(String suggestion) {
    if (Terminal.OUT.isTerminal()) {
      System.out.println(System.lineSeparator() + "Next: " + suggestion);
    }
  }
}
