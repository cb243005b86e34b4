package dev.vidrio.server.http;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The API that a request follows, which decides the format of its errors. */
public enum ApiFormat {
  /** OpenAI's API, and the server's own routes. */
  OPENAI {
    @Override
    public Map<String, ?> error(ApiException e, String request) {
      return e.toJson();
    }
  },

  /** Anthropic's Messages API: {@code {"type": "error", "error": {"type": …, "message": …}}}. */
  ANTHROPIC {
    @Override
    public Map<String, ?> error(ApiException e, String request) {
      return new JsonObject()
          .with("type", "error")
          .with(
              "error",
              new JsonObject()
                  .with("type", anthropicType(e.status()))
                  .with("message", e.getMessage()))
          .with("request_id", request);
    }
  },

  /** Ollama's API: {@code {"error": "…"}}. */
  OLLAMA {
    @Override
    public Map<String, ?> error(ApiException e, String request) {
      return Map.of("error", String.valueOf(e.getMessage()));
    }
  };

  private static final String MESSAGES = "/v1/messages";

  /**
   * Returns the JSON of an error.
   *
   * @param request the request id
   */
  public abstract Map<String, ?> error(ApiException e, String request);

  /**
   * Returns the API of a request.
   *
   * @param version the header {@code anthropic-version}, which Anthropic's clients send; null for
   *     none
   */
  static ApiFormat of(String path, @Nullable String version) {
    if (path.startsWith("/api/")) {
      return OLLAMA;
    }
    boolean isMessages = path.equals(MESSAGES) || path.startsWith(MESSAGES + "/");
    return isMessages || version != null ? ANTHROPIC : OPENAI;
  }

  /** Returns Anthropic's type of an error with a status. */
  private static String anthropicType(int status) {
    return switch (status) {
      case 401 -> "authentication_error";
      case 403 -> "permission_error";
      case 404 -> "not_found_error";
      case 413 -> "request_too_large";
      case 429 -> "rate_limit_error";
      case 500 -> "api_error";
      case 503 -> "overloaded_error";
      default -> "invalid_request_error";
    };
  }
}
