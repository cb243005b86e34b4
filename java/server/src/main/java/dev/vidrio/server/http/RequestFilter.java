package dev.vidrio.server.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import dev.vidrio.server.metrics.RequestMetrics;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What every request passes, whatever its path: keys, limits, errors, the log. There is no route
 * around it; each says whether it needs a key.
 */
public final class RequestFilter implements HttpHandler, AutoCloseable {
  private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");
  private static final int CLIENT_GONE = 499; // as nginx has it

  private static final Duration SOON = Duration.ofSeconds(1);

  private static final System.Logger ACCESS = System.getLogger("dev.vidrio.server.access");

  private final RequestFilterOptions options;
  private final ApiKeys keys;
  private final CorsPolicy origins;
  private final Router router;
  private final ResponseMonitor watch;
  private final RequestMetrics metrics;
  private final AtomicInteger running = new AtomicInteger();
  private volatile boolean draining;

  public RequestFilter(RequestFilterOptions options, List<Route> routes, RequestMetrics metrics) {
    this.options = options;
    this.keys = new ApiKeys(options.apiKeys());
    this.origins = new CorsPolicy(options.origins());
    this.router = new Router(routes);
    this.watch = new ResponseMonitor(options.writeTime(), options.heartbeat());
    this.metrics = metrics;
  }

  /** Refuses new requests from now on. */
  public void drain() {
    draining = true;
  }

  public boolean isDraining() {
    return draining;
  }

  /** Requests that are being worked on. */
  public int running() {
    return running.get();
  }

  @Override
  public void handle(HttpExchange http) throws IOException {
    long start = System.nanoTime();
    var exchange = new Exchange(http, options.bodyBytes(), watch);
    int others = running.getAndIncrement();
    try {
      pass(exchange, others);
    } catch (IOException e) {
      // The JDK's server cuts a connection where a handler throws, and has the channel's end so.
      throw e;
    } catch (RuntimeException | Error e) {
      ApiException refusal = ExceptionMapper.explain(e, exchange.id());
      if (!exchange.isRead()) {
        discardBody(exchange);
      }
      refuse(exchange, refusal);
    } finally {
      exchange.reply().endBeats();
      running.decrementAndGet();
      finished(exchange, Duration.ofNanos(System.nanoTime() - start));
    }
  }

  private void pass(Exchange exchange, int others) throws IOException {
    if (origins.answer(exchange)) {
      return;
    }
    Route.Access access = router.at(exchange.path()).map(Route::access).orElse(Route.Access.KEY);
    if (draining && !access.isAlways()) {
      exchange.reply().header("Connection", "close");
      throw ExceptionMapper.shuttingDown();
    }
    if (access.needsKey()) {
      exchange.setTenant(keys.tenant(exchange.header("Authorization")));
      refuseForeignPages(exchange);
    }
    Route route = router.of(exchange);
    if (others >= options.requests() && !access.isAlways()) {
      throw ApiException.tooMany(
          options.requests() + " requests run already, which is the limit", SOON);
    }
    route.handler().handle(exchange);
  }

  /**
   * Without keys, a server on the loopback address trusts whoever reaches it. A page from elsewhere
   * that a browser here shows can reach it too, by a name of its own that leads to 127.0.0.1. The
   * browser tells the origin where it posts, but not where it gets, so that there only the name
   * tells; a server that listens for other machines has names that it does not know.
   */
  private void refuseForeignPages(Exchange exchange) {
    String host = exchange.header("Host");
    boolean mayBePage =
        exchange.header("Origin") != null || (isLocal() && !exchange.method().equals("POST"));
    if (keys.areRequired() || !mayBePage || host == null) {
      return;
    }
    String name = host.replaceFirst(":\\d+$", "").toLowerCase(Locale.ROOT);
    if (!LOOPBACK.contains(name) && !name.equals(options.host().toLowerCase(Locale.ROOT))) {
      throw ApiException.forbidden("host '" + name + "': pages of other hosts need an API key");
    }
  }

  /** Whether it listens for this machine alone. */
  private boolean isLocal() {
    String host = options.host().toLowerCase(Locale.ROOT);
    return host.equals("localhost") || host.startsWith("127.") || host.equals("::1");
  }

  /** Reads a body that is of no use; who sends it slowly takes no place from others meanwhile. */
  private void discardBody(Exchange exchange) throws IOException {
    running.decrementAndGet();
    try {
      exchange.discardBody();
    } finally {
      running.incrementAndGet();
    }
  }

  private static void refuse(Exchange exchange, ApiException e) throws IOException {
    Response reply = exchange.reply();
    Duration retryAfter = e.retryAfter();
    if (retryAfter != null) {
      reply.header("Retry-After", Long.toString(Math.max(1, retryAfter.toSeconds())));
    }
    if (e.status() == 401) {
      reply.header("WWW-Authenticate", "Bearer");
    }
    exchange.answer(e.status(), e.toJson());
  }

  private void finished(Exchange exchange, Duration duration) {
    Response reply = exchange.reply();
    // Who has gone before anything was said has no other status either.
    int status = reply.isGone() || reply.status() == 0 ? CLIENT_GONE : reply.status();
    Optional<Route> route = router.at(exchange.path());
    metrics.finished(exchange.method(), route.map(Route::path).orElse("other"), status, duration);
    boolean probed = route.map(Route::access).equals(Optional.of(Route.Access.PROBE));
    // Probes come every few seconds, and say something when they fail.
    System.Logger.Level level =
        probed && status == 200 ? System.Logger.Level.DEBUG : System.Logger.Level.INFO;
    if (ACCESS.isLoggable(level)) {
      ACCESS.log(
          level,
          "{0} {1} {2} {3} {4} ms {5}",
          exchange.client(),
          exchange.method(),
          exchange.rawPath(),
          Integer.toString(status),
          Long.toString(duration.toMillis()),
          exchange.id());
    }
  }

  /** Looks after answers no longer. */
  @Override
  public void close() {
    watch.close();
  }
}
