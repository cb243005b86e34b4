package dev.vidrio.cli.io;

/** Wrong usage of a command; its message is shown with a pointer to the help. */
public final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public UsageException(String message) {
    super(message);
  }

  /**
   * Requires that an option's value is not smaller than a minimum.
   *
   * @throws UsageException if it is
   */
  public static void requireAtLeast(String option, int value, int min) {
    if (value < min) {
      throw new UsageException(option + " " + value + ": must be at least " + min);
    }
  }
}
