package dev.vidrio.model.template;

/** A rendering that cannot go on; {@link TemplateErrors} adds the template's name and the line. */
final class Fault extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** Whose fault it is. */
  enum Kind {
    /** The template called {@code raise_exception}: the messages do not suit it. */
    RAISED,
    /** The template uses something that this interpreter does not have. */
    UNSUPPORTED,
    /** An operation that its operands do not allow, or a limit. */
    FAILED
  }

  private final Kind kind;

  private Fault(Kind kind, String message) {
    super(message, null, false, false);
    this.kind = kind;
  }

  static Fault raised(String message) {
    return new Fault(Kind.RAISED, message);
  }

  /** Names the construct, such as {@code filter 'xmlattr'}. */
  static Fault unsupported(String construct) {
    return new Fault(Kind.UNSUPPORTED, construct);
  }

  static Fault failed(String message) {
    return new Fault(Kind.FAILED, message);
  }

  Kind kind() {
    return kind;
  }
}
