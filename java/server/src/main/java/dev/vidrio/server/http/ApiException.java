package dev.vidrio.server.http;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A request that is not answered, and why, in the terms of OpenAI's error object. */
public final class ApiException extends RuntimeException {
  private static final long serialVersionUID = 1L;

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
    super(message);
    this.status = status;
    this.type = type;
    this.code = code;
    this.param = param;
    this.retryAfter = retryAfter;
  }

  private static ApiException request(
      int status, String code, @Nullable String param, String message) {
    return new ApiException(status, "invalid_request_error", code, param, message, null);
  }

  /**
   * 400.
   *
   * @param param where in the body, such as {@code messages[2].content}
   */
  public static ApiException invalid(@Nullable String param, String message) {
    return request(400, "invalid_value", param, message);
  }

  /** 400 for a field that is needed and not there. */
  static ApiException missing(String param) {
    return request(400, "missing_required_parameter", param, param + ": is required");
  }

  /** 400 for a field that is not known here; it is never ignored. */
  static ApiException unknown(String param) {
    return request(400, "unknown_parameter", param, param + ": is not supported");
  }

  /**
   * 400 for a prompt that is too long.
   *
   * @param param the field that the prompt is made of
   * @param most tokens that fit
   */
  public static ApiException contextLength(String param, int tokens, int most) {
    return request(
        400,
        "context_length_exceeded",
        param,
        // In words that clients look for.
        param + ": has " + tokens + " tokens; this model's maximum context length is " + most);
  }

  /** 400 for a field that is known, but whose effect this server or the model does not have. */
  public static ApiException unsupported(String param, String message) {
    return request(400, "unsupported_parameter", param, message);
  }

  /** 400 for a body that cannot be read at all. */
  static ApiException malformed(String message) {
    return request(400, "malformed_body", null, message);
  }

  /** 401. */
  static ApiException unauthorized(String message) {
    return request(401, "invalid_api_key", null, message);
  }

  /** 403. */
  static ApiException forbidden(String message) {
    return request(403, "forbidden", null, message);
  }

  /**
   * 404 for a path.
   *
   * @param meant a path that may have been meant, where there is something
   */
  static ApiException noRoute(String path, Optional<String> meant) {
    String hint = meant.map(other -> ", but at " + other).orElse("");
    return request(404, "not_found", null, "there is nothing at " + path + hint);
  }

  /** 404 for a model. */
  public static ApiException noModel(String name, String served) {
    return request(
        404, "model_not_found", "model", "model '" + name + "': not served here, but " + served);
  }

  /** 405. */
  static ApiException wrongMethod(String method, String allowed) {
    return request(
        405, "method_not_allowed", null, "method " + method + ": this path takes " + allowed);
  }

  /** 413. */
  static ApiException tooLarge(long limit) {
    return request(413, "body_too_large", null, "body: must have at most " + limit + " bytes");
  }

  /** 415. */
  static ApiException wrongType(String type) {
    return request(
        415,
        "unsupported_media_type",
        null,
        "content type '" + type + "': must be application/json");
  }

  /** 415 for a body that is compressed. */
  static ApiException wrongEncoding(String encoding) {
    return request(
        415,
        "unsupported_media_type",
        null,
        "content encoding '" + encoding + "': bodies are taken as they are, without one");
  }

  /** 429. */
  public static ApiException tooMany(String message, Duration retryAfter) {
    return new ApiException(
        429, "rate_limit_error", "rate_limit_exceeded", null, message, retryAfter);
  }

  /** 503. */
  public static ApiException unavailable(String message, Duration retryAfter) {
    return new ApiException(503, "server_error", "unavailable", null, message, retryAfter);
  }

  /** 500. */
  public static ApiException internal(String message) {
    return new ApiException(500, "server_error", "internal_error", null, message, null);
  }

  public int status() {
    return status;
  }

  public @Nullable String code() {
    return code;
  }

  /** Where in the body; null where it is not about a field. */
  public @Nullable String param() {
    return param;
  }

  /** When it is worth another try; null where it is not said. */
  @Nullable Duration retryAfter() {
    return retryAfter;
  }

  /** {@code {"error": {"message": …, "type": …, "param": …, "code": …}}}. */
  public byte[] toJson() {
    Map<String, @Nullable Object> error = new LinkedHashMap<>();
    error.put("message", getMessage());
    error.put("type", type);
    error.put("param", param);
    error.put("code", code);
    return Json.bytes(Map.of("error", error));
  }
}
