package dev.vidrio.error;

import org.jspecify.annotations.Nullable;

/**
 * Thrown for a model file that is missing, unreadable, damaged or inconsistent.
 *
 * <p>The message reads {@code file: field value: limit}, for example {@code bard.gguf: tensor 'x'
 * offset 123456: ends at 99999, past the file's end at 5000}. Empty parts are left out: {@code
 * bard.gguf: no such file}.
 */
public final class ModelFileException extends ModelException {

  private static final long serialVersionUID = 1L;

  private final String file;
  private final String field;
  private final String value;
  private final String limit;

  /**
   * Creates an exception for a fault in a file.
   *
   * @param file the file's path or name, as the user gave it
   * @param field the faulty field, such as {@code key 'llama.block_count'}; empty for the whole
   *     file
   * @param value the value found; empty if there is none to show
   * @param limit what is wrong and what is allowed
   */
  public ModelFileException(String file, String field, String value, String limit) {
    this(file, field, value, limit, null);
  }

  /**
   * Creates an exception for a fault in a file that another exception revealed.
   *
   * @param file the file's path or name, as the user gave it
   * @param field the faulty field; empty for the whole file
   * @param value the value found; empty if there is none to show
   * @param limit what is wrong and what is allowed
   * @param cause the underlying exception, which the command line prints with {@code --debug}, or
   *     null
   */
  public ModelFileException(
      String file, String field, String value, String limit, @Nullable Throwable cause) {
    super(ErrorText.line(file, field, value, limit), cause);
    this.file = ErrorText.file(file);
    this.field = ErrorText.part(field);
    this.value = ErrorText.part(value);
    this.limit = ErrorText.part(limit);
  }

  /** Returns the file's path or name, as the message shows it. */
  public String file() {
    return file;
  }

  /** Returns the faulty field as the message shows it, or an empty string for the whole file. */
  public String field() {
    return field;
  }

  /** Returns the value found as the message shows it, or an empty string. */
  public String value() {
    return value;
  }

  /** Returns what is wrong and what is allowed, as the message shows it. */
  public String limit() {
    return limit;
  }
}
