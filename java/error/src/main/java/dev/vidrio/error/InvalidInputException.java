package dev.vidrio.error;

/**
 * Thrown for a prompt, a token id or an option that the model does not accept.
 *
 * <p>The message reads {@code field value: limit}, for example {@code token id 70000: must be below
 * 49152}. It contains nothing but the caller's input, so that a server may return it with status
 * 400.
 */
public final class InvalidInputException extends ModelException {

  private static final long serialVersionUID = 1L;

  private final String field;
  private final String value;
  private final String limit;

  /**
   * Creates an exception for an input.
   *
   * @param field the input, such as {@code token id} or {@code temperature}
   * @param value the given value, shown by its {@code toString}; empty if there is none to show
   * @param limit what is wrong and what is allowed
   */
  public InvalidInputException(String field, Object value, String limit) {
    super(ErrorText.line("", field, value.toString(), limit), null);
    this.field = ErrorText.part(field);
    this.value = ErrorText.part(value.toString());
    this.limit = ErrorText.part(limit);
  }

  /**
   * Rejects an integer that is out of range.
   *
   * @param field the input, such as {@code token id}
   * @param value the given value
   * @param min the smallest allowed value
   * @param max the largest allowed value
   * @throws InvalidInputException if the value is not in the range
   */
  public static void requireRange(String field, long value, long min, long max) {
    if (value < min || value > max) {
      throw new InvalidInputException(field, value, "must be " + min + " to " + max);
    }
  }

  /**
   * Rejects a number that is out of range or not a number.
   *
   * @param field the input, such as {@code temperature}
   * @param value the given value
   * @param min the smallest allowed value
   * @param max the largest allowed value
   * @throws InvalidInputException if the value is not in the range
   */
  public static void requireRange(String field, double value, double min, double max) {
    if (!(value >= min && value <= max)) {
      throw new InvalidInputException(
          field, plain(value), "must be " + plain(min) + " to " + plain(max));
    }
  }

  private static String plain(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }

  /** Returns the name of the invalid input, as the message shows it. */
  public String field() {
    return field;
  }

  /** Returns the given value as the message shows it, or an empty string. */
  public String value() {
    return value;
  }

  /** Returns what is wrong and what is allowed, as the message shows it. */
  public String limit() {
    return limit;
  }
}
