package dev.vidrio.kernel.ffm;

/**
 * Thrown if libvidrio cannot be loaded, or returns a status that a caller cannot prevent. The
 * message names the status.
 */
public final class NativeException extends RuntimeException {
  private static final long serialVersionUID = 1;

  NativeException(String message) {
    super(message);
  }

  NativeException(String message, Throwable cause) {
    super(message, cause);
  }
}
