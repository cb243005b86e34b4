package dev.vidrio.cli.io;

/** Wrong usage of a command; its message is shown with a pointer to the help. */
public final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public UsageException(String message) {
    super(message);
  }
}
