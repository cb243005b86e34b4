package dev.vidrio.server.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** One request and its reply. */
public final class Exchange {
  public static final String JSON = "application/json";

  /** What may precede JSON without a meaning. */
  private static final byte[] SPACE = {' '};

  private static final int MAX_ID = 128;

  private final HttpExchange http;
  private final int bodyLimit;
  private final Response reply;
  private final String id;
  private String tenant = "";
  private boolean read;

  Exchange(HttpExchange http, int bodyLimit, ResponseMonitor watch) {
    this.http = http;
    this.bodyLimit = bodyLimit;
    this.reply = new Response(http, watch);
    String given = header("x-request-id");
    this.id = given != null && isPlain(given) ? given : UUID.randomUUID().toString();
    reply.header("x-request-id", id);
  }

  private static boolean isPlain(String text) {
    return text.length() <= MAX_ID && text.matches("[A-Za-z0-9._:-]+");
  }

  /** What logs and the client call this request. */
  public String id() {
    return id;
  }

  String method() {
    return http.getRequestMethod();
  }

  public String path() {
    return String.valueOf(http.getRequestURI().getPath());
  }

  /** The path as it came, percent-encoded: no character of it ends a line or moves a cursor. */
  String rawPath() {
    return String.valueOf(http.getRequestURI().getRawPath());
  }

  @Nullable String header(String name) {
    return http.getRequestHeaders().getFirst(name);
  }

  String client() {
    return http.getRemoteAddress().getAddress().getHostAddress();
  }

  public Response reply() {
    return reply;
  }

  /** Who asks, as {@link ApiKeys#tenant} says. */
  public String tenant() {
    return tenant;
  }

  void setTenant(String name) {
    tenant = name;
  }

  /** The fields of the body, which must be a JSON object. */
  public JsonFields fields() throws IOException {
    String type = header("Content-Type");
    String bare = type == null ? "" : type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
    if (!bare.equals(JSON)) {
      throw ApiException.wrongType(type == null ? "" : type);
    }
    String encoding = header("Content-Encoding");
    if (encoding != null && !encoding.equalsIgnoreCase("identity")) {
      throw ApiException.wrongEncoding(encoding);
    }
    return JsonFields.ofBody(body());
  }

  private byte[] body() throws IOException {
    InputStream in = http.getRequestBody();
    byte[] bytes = in.readNBytes(bodyLimit + 1);
    if (bytes.length > bodyLimit) {
      reply.header("Connection", "close");
      throw ApiException.tooLarge(bodyLimit);
    }
    read = true;
    return bytes;
  }

  /** Whether the whole body has been read. */
  boolean isRead() {
    return read;
  }

  /**
   * Reads what is left of the body, as far as it is not much too long: a client that is still
   * sending would not see the answer to one that nobody reads.
   */
  void discardBody() throws IOException {
    var _ = http.getRequestBody().skip(8L * bodyLimit);
  }

  /**
   * Sends spaces now and then, until the answer comes.
   *
   * @param onGone is run once when the client is found to have gone
   */
  public void whileWaiting(Runnable onGone) {
    reply.whileWaiting(JSON, SPACE, onGone);
  }

  /** Answers with the status 200. */
  public void answer(byte[] json) throws IOException {
    answer(200, json);
  }

  public void answer(int status, byte[] json) throws IOException {
    reply.finish(status, JSON, json);
  }
}
