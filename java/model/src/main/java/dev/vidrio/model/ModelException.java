package dev.vidrio.model;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Anything that can go wrong between a model file or a user's input and the model's answer.
 *
 * <p>The message is always one printable line that says where the fault is, which value was found
 * and what is allowed, so that it can be shown to a user as it is: text that comes from a file or a
 * prompt is shortened, and characters that could disturb a terminal are escaped.
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
