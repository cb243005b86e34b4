package dev.vidrio.template.value;

/** Thrown if a rendering cannot continue. The catcher adds the template's name and the line. */
public final class Fault extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** The kind of a fault. */
  public enum Kind {
    /** The template called {@code raise_exception}: it does not accept the messages. */
    RAISED,
    /** The template uses an unsupported construct. */
    UNSUPPORTED,
    /** An invalid operation, or an exceeded limit. */
    FAILED
  }

  private final Kind kind;

  private Fault(Kind kind, String message) {
    super(message, null, false, false);
    this.kind = kind;
  }

  /** Returns the fault of {@code raise_exception}. */
  public static Fault raised(String message) {
    return new Fault(Kind.RAISED, message);
  }

  /** Returns the fault of an unsupported construct, such as {@code filter 'xmlattr'}. */
  public static Fault unsupported(String construct) {
    return new Fault(Kind.UNSUPPORTED, construct);
  }

  /** Returns the fault of an invalid operation or an exceeded limit. */
  public static Fault failed(String message) {
    return new Fault(Kind.FAILED, message);
  }

  /** Returns the kind. */
  public Kind kind() {
    return kind;
  }
}
