package dev.vidrio.kernel.ffm;

/**
 * libvidrio cannot be loaded, or answered a call with a status that no caller can mend. The message
 * holds the status by name.
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
