package dev.vidrio.error;

import org.jspecify.annotations.Nullable;

/**
 * Thrown for a model that cannot be downloaded to, found in or removed from the local model store.
 *
 * <p>The message reads {@code subject: fault; advice}, for example {@code smollm2: needs 98.4 MB,
 * but only 12.0 MB are free in /home/ada/.cache/vidrio/models; free some space}. A command line may
 * print {@link #advice} on its own line.
 */
public final class ModelStoreException extends ModelException {

  private static final long serialVersionUID = 1L;

  private final String subject;
  private final String fault;
  private final String advice;

  /**
   * Creates an exception for a fault of the store or of a download.
   *
   * @param subject the model's name, or the faulty file or directory
   * @param fault what went wrong
   * @param advice what the user can do; empty if there is no advice
   * @param cause the underlying exception, which the command line prints with {@code --debug}
   */
  public ModelStoreException(
      String subject, String fault, String advice, @Nullable Throwable cause) {
    super(
        ErrorText.file(subject)
            + ": "
            + ErrorText.file(fault)
            + (advice.isEmpty() ? "" : "; " + ErrorText.file(advice)),
        cause);
    this.subject = ErrorText.file(subject);
    this.fault = ErrorText.file(fault);
    this.advice = ErrorText.file(advice);
  }

  /** {@return the model's name, or the faulty file or directory} */
  public String subject() {
    return subject;
  }

  /** {@return what went wrong} */
  public String fault() {
    return fault;
  }

  /** {@return what the user can do, or an empty string} */
  public String advice() {
    return advice;
  }
}
