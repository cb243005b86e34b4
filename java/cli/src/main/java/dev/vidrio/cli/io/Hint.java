package dev.vidrio.cli.io;

/** Suggestions of a next command, printed after the results on a terminal only. */
public final class Hint {
  private Hint() {}

  /** Prints a suggestion, separated by an empty line, if standard output is a terminal. */
  public static void print(String suggestion) {
    if (Terminal.OUT.isTerminal()) {
      System.out.println(after("", suggestion));
    }
  }

  /** Returns a result, with a suggestion after it if standard output is a terminal. */
  public static String after(String result, String suggestion) {
    return Terminal.OUT.isTerminal()
        ? String.format(
            "%s%nNext: %s", result.isEmpty() ? "" : result + System.lineSeparator(), suggestion)
        : result;
  }
}
