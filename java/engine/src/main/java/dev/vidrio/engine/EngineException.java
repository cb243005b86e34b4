package dev.vidrio.engine;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Thrown when an engine rejects or cannot finish a valid request. */
public abstract sealed class EngineException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  EngineException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /** The queue is full, or the request would wait too long. */
  public static final class QueueFull extends EngineException {
    private static final long serialVersionUID = 1L;

    private final Duration retryAfter;

    QueueFull(String message, Duration retryAfter) {
      super(message, null);
      this.retryAfter = retryAfter;
    }

    /** Returns when to retry. */
    public Duration retryAfter() {
      return retryAfter;
    }
  }

  /** The engine is draining or closed. */
  public static final class Closed extends EngineException {
    private static final long serialVersionUID = 1L;

    Closed(String model) {
      super("the engine of " + model + " accepts no more requests", null);
    }
  }

  /** A step failed. The requests in it are lost; others continue. */
  public static final class StepFailed extends EngineException {
    private static final long serialVersionUID = 1L;

    StepFailed(Throwable cause) {
      super("a step failed: " + cause.getMessage(), cause);
    }
  }
}
