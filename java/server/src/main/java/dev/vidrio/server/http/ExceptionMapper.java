package dev.vidrio.server.http;

import dev.vidrio.engine.EngineException;
import dev.vidrio.error.InvalidInputException;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Maps exceptions to the errors that clients receive. */
public final class ExceptionMapper {
  /** The {@code Retry-After} of a server that is shutting down. */
  private static final Duration SHUTDOWN_RETRY = Duration.ofSeconds(10);

  private static final System.Logger LOG = System.getLogger("dev.vidrio.server");

  /** Maps the engine's field names to request fields, where they differ. */
  private static final Map<String, String> PARAMETERS =
      Map.of(
          "corrupted text", "corrupted",
          "draft tokens", "draft_tokens",
          "hook", "hooks",
          "logit bias of token id", "logit_bias",
          "stop token id", "stop_token_ids");

  private ExceptionMapper() {}

  /** Returns the request field of an engine's field, or null if there is none. */
  private static @Nullable String parameter(String field) {
    if (field.startsWith("edit of ")) {
      return "vidrio.steer";
    }
    String parameter = PARAMETERS.get(field);
    return parameter == null && field.indexOf(' ') < 0 ? field : parameter;
  }

  /**
   * Returns the error of a request. Unexpected exceptions are logged and become a 500.
   *
   * @param id the request id, for the log
   */
  public static ApiException toApiException(Throwable e, String id) {
    return switch (e) {
      case ApiException api -> api;
      case InvalidInputException input ->
          ApiException.request(400, "invalid_value", parameter(input.field()), input.getMessage());
      case EngineException.QueueFull full ->
          ApiException.tooMany(String.valueOf(full.getMessage()), full.retryAfter());
      // The exception's message contains the path of the model file.
      case EngineException.Closed _ -> shuttingDown();
      default -> {
        LOG.log(System.Logger.Level.ERROR, "request " + id + " failed", e);
        yield ApiException.internal("internal error; see the server's log");
      }
    };
  }

  /** Returns the 503 of a server that is shutting down. */
  public static ApiException shuttingDown() {
    return ApiException.unavailable("the server is shutting down", SHUTDOWN_RETRY);
  }
}
