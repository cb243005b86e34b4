package dev.vidrio.template.value;

import java.util.List;

/** Thrown if a rendering cannot continue. The catcher adds the template's name and the line. */
public final class Fault extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final boolean unsupported;

  private Fault(boolean unsupported, String message) {
    super(message, null, false, false);
    this.unsupported = unsupported;
  }

  /** Returns the fault of an unsupported construct, such as {@code filter 'xmlattr'}. */
  public static Fault unsupported(String construct) {
    return new Fault(true, construct);
  }

  /**
   * Returns the fault of an invalid operation, an exceeded limit, or a call of {@code
   * raise_exception}.
   */
  public static Fault failed(String message) {
    return new Fault(false, message);
  }

  /**
   * Returns the fault of a value that does not allow an operation.
   *
   * @param predicate what does not apply to the value, such as {@code cannot be called}
   */
  public static Fault of(Value value, String predicate) {
    return value instanceof Value.Undefined(String reason)
        ? failed(reason)
        : failed("a value of type '" + Value.type(value) + "' " + predicate);
  }

  /**
   * Returns the fault of a value of the wrong type.
   *
   * @param requirement the requirement, such as {@code filter 'abs' requires a number}
   */
  public static Fault mismatch(String requirement, Value value) {
    return value instanceof Value.Undefined(String reason)
        ? failed(reason)
        : failed(requirement + ", not a value of type '" + Value.type(value) + "'");
  }

  /**
   * Returns the fault of an operation that two values do not allow.
   *
   * @param problem the problem, such as {@code cannot order values of types}
   */
  public static Fault ofTypes(String problem, Value left, Value right) {
    for (Value value : List.of(left, right)) {
      if (value instanceof Value.Undefined(String reason)) {
        return failed(reason);
      }
    }
    return failed(problem + " '" + Value.type(left) + "' and '" + Value.type(right) + "'");
  }

  /** Returns whether a construct is unsupported. */
  public boolean isUnsupported() {
    return unsupported;
  }
}
