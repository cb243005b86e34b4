package dev.vidrio.server.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import dev.vidrio.error.ErrorText;
import dev.vidrio.server.metrics.RequestMetrics;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;

/**
 * Handles every request: checks API keys, origins and limits, calls the route, sends errors as
 * JSON, and writes the access log.
 */
public final class RequestFilter implements HttpHandler, AutoCloseable {
  private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");
  private static final int MAX_LOGGED_METHOD = 32;

  private static final Pattern METHOD = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");
  private static final Pattern VERSION = Pattern.compile("HTTP/1\\.[0-9]");
  private static final int CLIENT_CLOSED_REQUEST = 499; // as in nginx

  private static final Duration RETRY = Duration.ofSeconds(1);

  private static final System.Logger ACCESS = System.getLogger("dev.vidrio.server.access");

  private final RequestFilterOptions options;
  private final ApiKeys keys;
  private final CorsPolicy cors;
  private final Router router;
  private final ResponseMonitor monitor;
  private final RequestMetrics metrics;
  private final AtomicInteger running = new AtomicInteger();
  private volatile boolean draining;

  /** Creates a filter with its routes. */
  public RequestFilter(RequestFilterOptions options, List<Route> routes, RequestMetrics metrics) {
    this.options = options;
    this.keys = new ApiKeys(options.apiKeys());
    this.cors = new CorsPolicy(options.origins());
    this.router = new Router(routes);
    this.monitor = new ResponseMonitor(options.writeTime(), options.heartbeat());
    this.metrics = metrics;
  }

  /** Rejects new requests from now on, except for probes and metrics. */
  public void drain() {
    draining = true;
  }

  /** Returns whether new requests are rejected. */
  public boolean isDraining() {
    return draining;
  }

  /** Returns the number of running requests. */
  public int running() {
    return running.get();
  }

  @Override
  public void handle(HttpExchange http) throws IOException {
    long start = System.nanoTime();
    var exchange = new Exchange(http, options.bodyBytes(), options.listener(), monitor);
    int others = running.getAndIncrement();
    try {
      dispatch(exchange, others);
    } catch (IOException e) {
      // The JDK's server closes the connection.
      throw e;
    } catch (RuntimeException | Error e) {
      ApiException error = ExceptionMapper.toApiException(e, exchange.id());
      if (!exchange.isRead()) {
        discardBody(exchange);
      }
      sendError(exchange, error);
    } finally {
      exchange.response().endHeartbeats();
      running.decrementAndGet();
      finished(exchange, Duration.ofNanos(System.nanoTime() - start));
    }
  }

  private void dispatch(Exchange exchange, int others) throws IOException {
    rejectMalformedRequestLine(exchange);
    rejectAmbiguousLength(exchange);
    if (exchange.api() == ApiFormat.ANTHROPIC) {
      exchange.response().header("request-id", exchange.id()); // the name in Anthropic's API
    }
    if (cors.apply(exchange)) {
      return;
    }
    Route.Access access = router.at(exchange.path()).map(Route::access).orElse(Route.Access.KEY);
    if (draining && !access.isAlwaysAvailable()) {
      exchange.response().header("Connection", "close");
      throw ExceptionMapper.shuttingDown();
    }
    if (access.needsKey()) {
      exchange.setTenant(
          keys.tenant(exchange.header("Authorization"), exchange.header("x-api-key")));
      rejectForeignOrigins(exchange);
    }
    Route route = router.of(exchange);
    if (others >= options.requests() && !access.isAlwaysAvailable()) {
      throw ApiException.tooMany(
          "too many requests: " + options.requests() + " are running, the limit", RETRY);
    }
    route.handler().handle(exchange);
  }

  /**
   * Rejects methods and versions that are none. The JDK's server ends the request line with CR LF
   * only, so that a header field after a single LF, such as the length of a body, would become part
   * of the version, and a proxy that knows it would read other requests than this server.
   */
  private static void rejectMalformedRequestLine(Exchange exchange) {
    if (!METHOD.matcher(exchange.method()).matches()
        || !VERSION.matcher(exchange.protocol()).matches()) {
      exchange.response().header("Connection", "close");
      throw ApiException.malformed(
          "request line of method '%s' and version '%s': must be a method, a path and HTTP/1.1"
              .formatted(exchange.method(), exchange.protocol()));
    }
  }

  /**
   * Prevents that a body hides another request from a proxy (request smuggling). The JDK's server
   * rejects conflicting lengths, but accepts a sign, and reads sizes of chunks modulo 2^32. So no
   * other request is read from the connection after chunks.
   */
  private static void rejectAmbiguousLength(Exchange exchange) {
    String length = exchange.header("Content-Length");
    boolean isAmbiguous = length != null && !length.matches("[0-9]+");
    if (isAmbiguous || exchange.header("Transfer-Encoding") != null) {
      exchange.response().header("Connection", "close");
    }
    if (isAmbiguous) {
      throw ApiException.malformed("header Content-Length '" + length + "': must be digits");
    }
  }

  /**
   * Rejects requests of web pages of other hosts. Without keys, a server trusts all clients that
   * can connect, but a page that a local browser shows can connect too.
   *
   * <p>Browsers send {@code Origin} with POST and cross-origin requests. They do not with a GET
   * that is same-origin to them, as after DNS rebinding (a foreign name that resolves to
   * 127.0.0.1), so that only {@code Host} tells. It is not checked if the server listens for other
   * machines, since it does not know all of its names.
   */
  private void rejectForeignOrigins(Exchange exchange) {
    if (keys.areRequired()) {
      return;
    }
    String origin = exchange.header("Origin");
    if (origin != null && !cors.allows(origin)) {
      rejectForeign("origin", origin, origin.replaceFirst("^[^/]*//", ""));
    }
    String host = exchange.header("Host");
    boolean mayBePage = origin != null || (isLocal() && !exchange.method().equals("POST"));
    if (mayBePage && host != null) {
      rejectForeign("host", host, host);
    }
  }

  private void rejectForeign(String header, String value, String authority) {
    String name = authority.replaceFirst(":\\d+$", "").toLowerCase(Locale.ROOT);
    if (!LOOPBACK.contains(name) && !name.equals(options.host().toLowerCase(Locale.ROOT))) {
      throw ApiException.request(
          403,
          "forbidden",
          null,
          header + " '" + value + "': web pages of other hosts need an API key");
    }
  }

  /** Returns whether the server listens on a loopback address. */
  private boolean isLocal() {
    String host = options.host().toLowerCase(Locale.ROOT);
    return host.equals("localhost") || host.startsWith("127.") || host.equals("::1");
  }

  /** Discards a body. The request does not count as running meanwhile. */
  private void discardBody(Exchange exchange) throws IOException {
    running.decrementAndGet();
    try {
      exchange.discardBody();
    } finally {
      running.incrementAndGet();
    }
  }

  private static void sendError(Exchange exchange, ApiException e) throws IOException {
    Response response = exchange.response();
    Duration retryAfter = e.retryAfter();
    if (retryAfter != null) {
      response.header("Retry-After", Long.toString(Math.max(1, retryAfter.toSeconds())));
    }
    if (e.status() == 401) {
      response.header("WWW-Authenticate", "Bearer");
    }
    exchange.answer(e.status(), exchange.api().error(e, exchange.id()));
  }

  private void finished(Exchange exchange, Duration duration) {
    Response response = exchange.response();
    // A client that disconnects before the response starts is also logged as 499.
    int status =
        response.isDisconnected() || response.status() == 0
            ? CLIENT_CLOSED_REQUEST
            : response.status();
    Optional<Route> route = router.at(exchange.path());
    metrics.finished(exchange.method(), route.map(Route::path).orElse("other"), status, duration);
    boolean probed = route.map(Route::access).equals(Optional.of(Route.Access.PROBE));
    // Probes are frequent, so only failed ones are logged at INFO.
    System.Logger.Level level =
        probed && status == 200 ? System.Logger.Level.DEBUG : System.Logger.Level.INFO;
    if (ACCESS.isLoggable(level)) {
      ACCESS.log(
          level,
          "{0} {1} {2} {3} {4} ms {5}",
          exchange.client(),
          ErrorText.printable(exchange.method(), MAX_LOGGED_METHOD),
          exchange.rawPath(),
          Integer.toString(status),
          Long.toString(duration.toMillis()),
          exchange.id());
    }
  }

  /** Stops the monitoring of responses. */
  @Override
  public void close() {
    monitor.close();
  }
}
