package dev.vidrio.error;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The base of all exceptions for an invalid model file or invalid user input.
 *
 * <p>The message is one printable line with the location of the fault, the value found and the
 * allowed range. It is safe to show to a user: text from files or prompts is truncated, and control
 * and bidirectional characters, which could disturb a terminal, are escaped.
 *
 * <p>The hierarchy is sealed, so that a {@code switch} over the four kinds is exhaustive:
 *
 * <ul>
 *   <li>{@link ModelFileException}: a file is missing, unreadable, damaged or inconsistent;
 *   <li>{@link UnsupportedModelException}: a valid file needs a feature that this version lacks;
 *   <li>{@link InvalidInputException}: a prompt, token id or option is not accepted;
 *   <li>{@link ModelStoreException}: a download or the local model store failed.
 * </ul>
 *
 * @see "docs/first-token.md"
 */
public abstract sealed class ModelException extends RuntimeException
    permits ModelFileException,
        UnsupportedModelException,
        InvalidInputException,
        ModelStoreException {

  private static final long serialVersionUID = 1L;

  ModelException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /** Returns the one-line description of the fault; never null. */
  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage());
  }
}
