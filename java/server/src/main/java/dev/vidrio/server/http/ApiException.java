package dev.vidrio.server.http;

import dev.vidrio.error.ErrorText;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reports why a request is rejected or has failed, with the fields of OpenAI's error object and the
 * HTTP status. The message is one printable line, whatever the request contains.
 */
public final class ApiException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Maximum code points of a message. */
  private static final int MAX_MESSAGE = 4096;

  private final int status;
  private final String type;
  private final @Nullable String code;
  private final @Nullable String param;
  private final @Nullable Duration retryAfter;

  private ApiException(
      int status,
      String type,
      @Nullable String code,
      @Nullable String param,
      String message,
      @Nullable Duration retryAfter) {
    super(ErrorText.printable(message, MAX_MESSAGE));
    this.status = status;
    this.type = type;
    this.code = code;
    this.param = param;
    this.retryAfter = retryAfter;
  }

  /** Returns an error of a request. */
  static ApiException request(int status, String code, @Nullable String param, String message) {
    return new ApiException(status, "invalid_request_error", code, param, message, null);
  }

  /**
   * Returns a 400 for a required field that is absent.
   *
   * @param param the path of the field
   * @param hint the possible values, or an empty text
   */
  public static ApiException missing(String param, String hint) {
    String message = param + ": is required" + (hint.isEmpty() ? "" : "; " + hint);
    return request(400, "missing_required_parameter", param, message);
  }

  /**
   * Returns a 400 for an invalid value.
   *
   * @param param the path of the field in the body, such as {@code messages[2].content}
   * @param limit what is wrong and what is allowed
   */
  public static ApiException invalid(String param, String limit) {
    return request(400, "invalid_value", param, param + ": " + limit);
  }

  /**
   * Returns a 400 for an invalid value, which it shows.
   *
   * @param param the path of the field
   * @param value the value as the message shows it
   * @param limit what is wrong and what is allowed
   */
  public static ApiException invalid(String param, String value, String limit) {
    return request(400, "invalid_value", param, param + " " + value + ": " + limit);
  }

  /**
   * Returns a 400 for a prompt that exceeds the context.
   *
   * @param param the path of the prompt
   * @param tokens the length of the prompt
   * @param limit the context length
   */
  public static ApiException contextLength(String param, int tokens, int limit) {
    return request(
        400,
        "context_length_exceeded",
        param,
        // Clients search for "maximum context length".
        param + ": has " + tokens + " tokens; this model's maximum context length is " + limit);
  }

  /** Returns a 400 for a known field that the server or the model does not support. */
  public static ApiException unsupported(String param, String limit) {
    return request(400, "unsupported_parameter", param, param + ": " + limit);
  }

  /** Returns a 400 for a value, which it shows, that the server or the model does not support. */
  public static ApiException unsupported(String param, String value, String limit) {
    return request(400, "unsupported_parameter", param, param + " " + value + ": " + limit);
  }

  /** Returns a 400 for a body that cannot be parsed. */
  static ApiException malformed(String message) {
    return request(400, "malformed_body", null, message);
  }

  /** Returns a 401. */
  static ApiException unauthorized(String message) {
    return request(401, "invalid_api_key", null, message);
  }

  /**
   * Returns a 404 for a model.
   *
   * @param available the names of the served models
   */
  public static ApiException modelNotFound(String name, String available) {
    return request(
        404, "model_not_found", "model", "model '" + name + "' not found; available: " + available);
  }

  /** Returns a 429 with a {@code Retry-After} header. */
  public static ApiException tooMany(String message, Duration retryAfter) {
    return new ApiException(
        429, "rate_limit_error", "rate_limit_exceeded", null, message, retryAfter);
  }

  /** Returns a 501 for a route of another API that the server does not implement. */
  public static ApiException notImplemented(String message) {
    return request(501, "not_implemented", null, message);
  }

  /** Returns a 503 with a {@code Retry-After} header. */
  public static ApiException unavailable(String message, Duration retryAfter) {
    return new ApiException(503, "server_error", "unavailable", null, message, retryAfter);
  }

  /** Returns a 500. */
  public static ApiException internal(String message) {
    return new ApiException(500, "server_error", "internal_error", null, message, null);
  }

  /** Returns the HTTP status. */
  public int status() {
    return status;
  }

  /** Returns OpenAI's error code, such as {@code invalid_value}. */
  public @Nullable String code() {
    return code;
  }

  /** Returns the path of the field in the body, or null if the error concerns no field. */
  public @Nullable String param() {
    return param;
  }

  /** Returns the value of the {@code Retry-After} header, or null for none. */
  @Nullable Duration retryAfter() {
    return retryAfter;
  }

  /** Returns {@code {"error": {"message": …, "type": …, "param": …, "code": …}}}. */
  public Map<String, JsonObject> toJson() {
    return Map.of(
        "error",
        new JsonObject()
            .with("message", getMessage())
            .with("type", type)
            .with("param", param)
            .with("code", code));
  }
}
