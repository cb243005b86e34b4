package dev.vidrio.hub.download;

import java.time.Duration;

/** A failure of a server that may not occur again. */
final class TransientFailure extends Exception {
  private static final long serialVersionUID = 1L;

  private final Duration retryAfter;

  /**
   * Creates a failure.
   *
   * @param retryAfter the pause that the server asks for; zero if it asks for none
   */
  TransientFailure(String reason, Duration retryAfter) {
    super(reason);
    this.retryAfter = retryAfter;
  }

  /** Returns the pause that the server asks for. */
  Duration retryAfter() {
    return retryAfter;
  }
}
