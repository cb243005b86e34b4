package dev.vidrio.model.state;

import java.io.IOException;

/**
 * Thrown for a file that does not have the expected state: damaged, truncated or of another key.
 */
public final class DamagedStateException extends IOException {
  private static final long serialVersionUID = 1L;

  DamagedStateException(String message) {
    super(message);
  }
}
