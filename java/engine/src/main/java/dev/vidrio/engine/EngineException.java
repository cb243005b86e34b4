package dev.vidrio.engine;

import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Thrown when an engine refuses or cannot finish a request that is valid. */
public abstract sealed class EngineException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  EngineException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /** As many requests wait as there is room for, or so many that one more would wait too long. */
  public static final class QueueFull extends EngineException {
    private static final long serialVersionUID = 1L;

    private final Duration retryAfter;

    private QueueFull(String message, Duration retryAfter) {
      super(message, null);
      this.retryAfter = retryAfter;
    }

    static QueueFull ofPlaces(int queue, Duration retryAfter) {
      return new QueueFull(
          "queue " + queue + ": as many requests wait as there is room for", retryAfter);
    }

    static QueueFull ofTime(Duration maxWait, Duration wait, Duration retryAfter) {
      return new QueueFull(
          String.format(
              Locale.ROOT,
              "wait of about %.1f s: a request may wait %.1f s",
              seconds(wait),
              seconds(maxWait)),
          retryAfter);
    }

    private static double seconds(Duration duration) {
      return (double) duration.toMillis() / 1000;
    }

    /** When it is worth another try. */
    public Duration retryAfter() {
      return retryAfter;
    }
  }

  /** The engine takes no more requests: it drains or is closed. */
  public static final class Closed extends EngineException {
    private static final long serialVersionUID = 1L;

    Closed(String model) {
      super("the engine of " + model + " takes no more requests", null);
    }
  }

  /** A step failed; what ran in it is lost, later requests are not. */
  public static final class StepFailed extends EngineException {
    private static final long serialVersionUID = 1L;

    StepFailed(Throwable cause) {
      super("a step failed: " + cause.getMessage(), cause);
    }
  }
}
