package dev.vidrio.server.http;

import dev.vidrio.engine.EngineException;
import dev.vidrio.model.InvalidInputException;
import java.time.Duration;

/** What clients are told of what went wrong. */
public final class Failures {
  /** When another try is worth it after a server has said that it shuts down. */
  public static final Duration DRAINING = Duration.ofSeconds(10);

  private static final System.Logger LOG = System.getLogger("dev.vidrio.server");

  private Failures() {}

  /**
   * The error of a request; those that are no fault of the client's go to the log.
   *
   * @param id of the request, for the log
   */
  public static ApiException explain(Throwable e, String id) {
    return switch (e) {
      case ApiException api -> api;
      case InvalidInputException input ->
          ApiException.invalid(input.field().replace(' ', '_'), input.getMessage());
      case EngineException.QueueFull full ->
          ApiException.tooMany(String.valueOf(full.getMessage()), full.retryAfter());
      case EngineException.Closed closed ->
          ApiException.unavailable(String.valueOf(closed.getMessage()), DRAINING);
      default -> {
        LOG.log(System.Logger.Level.ERROR, "request " + id + " failed", e);
        yield ApiException.internal("the request failed; the server's log says why");
      }
    };
  }
}
