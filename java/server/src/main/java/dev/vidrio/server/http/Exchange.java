package dev.vidrio.server.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A request and its response. */
public final class Exchange {
  /** The content type of requests and of most responses. */
  public static final String JSON = "application/json";

  /** A heartbeat before JSON: leading white space is insignificant. */
  private static final byte[] SPACE = {' '};

  private static final int MAX_ID = 128;

  private final HttpExchange http;
  private final int bodyLimit;
  private final FieldListener listener;
  private final Response response;
  private final String id;
  private String tenant = "";
  private boolean read;

  /**
   * Creates an exchange.
   *
   * @param bodyLimit maximum bytes of the body
   * @param listener receives the fields that the route reads
   */
  Exchange(HttpExchange http, int bodyLimit, FieldListener listener, ResponseMonitor monitor) {
    this.http = http;
    this.listener = listener;
    this.bodyLimit = bodyLimit;
    this.response = new Response(http, monitor);
    String given = header("x-request-id");
    this.id = given != null && isPlain(given) ? given : UUID.randomUUID().toString();
    response.header("x-request-id", id);
  }

  private static boolean isPlain(String text) {
    return text.length() <= MAX_ID && text.matches("[A-Za-z0-9._:-]+");
  }

  /**
   * Returns the request id: the client's {@code x-request-id} if it is valid, else a random one.
   */
  public String id() {
    return id;
  }

  String method() {
    return http.getRequestMethod();
  }

  /** Returns the last word of the request line, such as {@code HTTP/1.1}. */
  String protocol() {
    return http.getProtocol();
  }

  /** Returns the decoded path. */
  public String path() {
    return String.valueOf(http.getRequestURI().getPath());
  }

  /** Returns the percent-encoded path, which is safe to log. */
  String rawPath() {
    return String.valueOf(http.getRequestURI().getRawPath());
  }

  @Nullable String header(String name) {
    return http.getRequestHeaders().getFirst(name);
  }

  String client() {
    return http.getRemoteAddress().getAddress().getHostAddress();
  }

  /** Returns the API that the request follows. */
  public ApiFormat api() {
    return ApiFormat.of(path(), header("anthropic-version"));
  }

  /** Returns the response. */
  public Response response() {
    return response;
  }

  /** Returns the {@linkplain ApiKeys#tenant tenant}. */
  public String tenant() {
    return tenant;
  }

  void setTenant(String name) {
    tenant = name;
  }

  /**
   * Reads the body, which must be a JSON object.
   *
   * @throws ApiException 400, 413 or 415 if it cannot be read as one
   */
  public JsonFields fields() throws IOException {
    String type = header("Content-Type");
    String bare = type == null ? "" : type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
    if (!bare.equals(JSON)) {
      throw ApiException.request(
          415,
          "unsupported_media_type",
          null,
          "content type '" + (type == null ? "" : type) + "': must be application/json");
    }
    String encoding = header("Content-Encoding");
    if (encoding != null && !encoding.equalsIgnoreCase("identity")) {
      throw ApiException.request(
          415,
          "unsupported_media_type",
          null,
          "content encoding '" + encoding + "': not supported; the body must not be compressed");
    }
    return JsonFields.ofBody(body(), listener);
  }

  private byte[] body() throws IOException {
    InputStream in = http.getRequestBody();
    byte[] bytes = in.readNBytes(bodyLimit + 1);
    if (bytes.length > bodyLimit) {
      response.header("Connection", "close");
      throw ApiException.request(
          413, "body_too_large", null, "body: must have at most " + bodyLimit + " bytes");
    }
    read = true;
    return bytes;
  }

  /** Returns whether the whole body has been read. */
  boolean isRead() {
    return read;
  }

  /**
   * Reads and discards the rest of the body, up to 8 times the limit. A client that is still
   * sending would not see the response otherwise.
   */
  void discardBody() throws IOException {
    var _ = http.getRequestBody().skip(8L * bodyLimit);
  }

  /**
   * Starts to send white space until the response is sent.
   *
   * @param onDisconnect runs once when a write finds that the client has disconnected
   */
  public void startHeartbeats(Runnable onDisconnect) {
    response.startHeartbeats(JSON, SPACE, onDisconnect);
  }

  /** Sends a JSON object, as for {@link Json#bytes}, with status 200. */
  public void answer(Map<String, ? extends @Nullable Object> json) throws IOException {
    answer(200, json);
  }

  /** Sends a JSON array of objects with status 200. */
  public void answerArray(List<? extends Map<String, ? extends @Nullable Object>> json)
      throws IOException {
    response.finish(200, JSON, Json.bytes(json));
  }

  /** Sends a JSON object. */
  public void answer(int status, Map<String, ? extends @Nullable Object> json) throws IOException {
    response.finish(status, JSON, Json.bytes(json));
  }
}
