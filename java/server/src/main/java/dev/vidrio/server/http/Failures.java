package dev.vidrio.server.http;

import dev.vidrio.engine.EngineException;
import dev.vidrio.error.InvalidInputException;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What clients are told of what went wrong. */
public final class Failures {
  /** When another try is worth it after a server has said that it shuts down. */
  private static final Duration DRAINING = Duration.ofSeconds(10);

  private static final System.Logger LOG = System.getLogger("dev.vidrio.server");

  /** Fields of requests that have another name in the engine. */
  private static final Map<String, String> PARAMETERS =
      Map.of(
          "corrupted text", "corrupted",
          "draft tokens", "draft_tokens",
          "hook", "hooks",
          "logit bias of token id", "logit_bias",
          "stop token id", "stop_token_ids");

  private Failures() {}

  /** The request's field of an engine's; null where it has none of that name. */
  private static @Nullable String parameter(String field) {
    if (field.startsWith("edit of ")) {
      return "vidrio.steer";
    }
    String parameter = PARAMETERS.get(field);
    return parameter == null && field.indexOf(' ') < 0 ? field : parameter;
  }

  /**
   * The error of a request; those that are no fault of the client's go to the log.
   *
   * @param id of the request, for the log
   */
  public static ApiException explain(Throwable e, String id) {
    return switch (e) {
      case ApiException api -> api;
      case InvalidInputException input ->
          ApiException.invalid(parameter(input.field()), input.getMessage());
      case EngineException.QueueFull full ->
          ApiException.tooMany(String.valueOf(full.getMessage()), full.retryAfter());
      // Its message names the model's file.
      case EngineException.Closed _ -> shuttingDown();
      default -> {
        LOG.log(System.Logger.Level.ERROR, "request " + id + " failed", e);
        yield ApiException.internal("the request failed; the server's log says why");
      }
    };
  }

  /** What a server says that shuts down. */
  public static ApiException shuttingDown() {
    return ApiException.unavailable("this server is shutting down", DRAINING);
  }
}
