package dev.vidrio.error;

/**
 * Thrown for a valid model file that needs a feature this version lacks, such as an architecture, a
 * pre-tokenizer or a tensor type.
 *
 * <p>The message reads {@code file: feature is not supported: alternative}.
 */
public final class UnsupportedModelException extends ModelException {

  private static final long serialVersionUID = 1L;

  private final String file;
  private final String feature;
  private final String alternative;

  /**
   * Creates an exception for a feature that is not supported.
   *
   * @param file the file's path or name, as the user gave it
   * @param feature the feature that the file requires, such as {@code architecture 'mamba'}
   * @param alternative what is supported, or what the user can do instead
   */
  public UnsupportedModelException(String file, String feature, String alternative) {
    super(ErrorText.line(file, feature, "is not supported", alternative), null);
    this.file = ErrorText.file(file);
    this.feature = ErrorText.part(feature);
    this.alternative = ErrorText.part(alternative);
  }

  /** Returns the message without the file, since clients of a server must not see its path. */
  public String reason() {
    return feature + " is not supported: " + alternative;
  }

  /** Returns the file's path or name, as the message shows it. */
  public String file() {
    return file;
  }

  /** Returns the required feature, as the message shows it. */
  public String feature() {
    return feature;
  }

  /** Returns the supported alternative, as the message shows it. */
  public String alternative() {
    return alternative;
  }
}
