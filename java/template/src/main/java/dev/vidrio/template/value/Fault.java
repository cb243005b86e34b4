package dev.vidrio.template.value;

/** A rendering that cannot go on; who catches it adds the template's name and the line. */
public final class Fault extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** Whose fault it is. */
  public enum Kind {
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

  public static Fault raised(String message) {
    return new Fault(Kind.RAISED, message);
  }

  /** Names the construct, such as {@code filter 'xmlattr'}. */
  public static Fault unsupported(String construct) {
    return new Fault(Kind.UNSUPPORTED, construct);
  }

  public static Fault failed(String message) {
    return new Fault(Kind.FAILED, message);
  }

  public Kind kind() {
    return kind;
  }
}
