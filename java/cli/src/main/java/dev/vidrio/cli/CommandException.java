package dev.vidrio.cli;

import org.jspecify.annotations.Nullable;

/** The work of a command failed; the message says it all. */
final class CommandException extends RuntimeException {
  private static final long serialVersionUID = 1;

  CommandException(String message) {
    this(message, null);
  }

  CommandException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }
}
