package dev.vidrio.error;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Thrown for anything wrong with a model file or a user's input.
 *
 * <p>The message is one printable line that says where the fault is, which value was found and what
 * is allowed. It is safe to show to a user: text from files or prompts is shortened, and characters
 * that could disturb a terminal are escaped.
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

  /** Returns the line that says what is wrong. */
  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage());
  }
}
