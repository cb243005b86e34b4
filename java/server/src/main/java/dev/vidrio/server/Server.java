package dev.vidrio.server;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.EngineStatus;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.server.chat.ChatRoute;
import dev.vidrio.server.chat.ResponseRoute;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.generation.TextRoutes;
import dev.vidrio.server.http.Gate;
import dev.vidrio.server.http.GateOptions;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.lens.LensRoutes;
import dev.vidrio.server.lens.LensWork;
import dev.vidrio.server.metrics.RequestMetrics;
import dev.vidrio.server.model.ModelOffer;
import dev.vidrio.server.model.Models;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.server.model.WorkQueue;
import dev.vidrio.server.text.CompletionRoute;
import dev.vidrio.server.text.EmbeddingRoute;
import dev.vidrio.server.text.TokenRoutes;
import dev.vidrio.server.window.WindowRoutes;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;

/**
 * An HTTP server with OpenAI's API for models in this process:
 *
 * <pre>{@code
 * var bard = new ModelSource("bard", () -> Model.open(Path.of("bard.gguf")));
 * try (Server server = Server.start(ServerOptions.DEFAULT.withAddress("127.0.0.1", 0), bard)) {
 *   System.out.println(server.uri());
 *   …
 * }
 * }</pre>
 *
 * <p>Requests run on virtual threads, steps on the engine's. A server installs no signal handler
 * and no shutdown hook.
 *
 * <p>The JDK reads its HTTP server's limits from system properties, once per process. When the
 * first server starts, those not yet set are set to: {@code sun.net.httpserver.nodelay} true,
 * {@code .maxReqTime} 30 s, {@code .idleInterval} 60 s, {@code .maxIdleConnections} 1024, {@code
 * .maxReqHeaders} 100, {@code .maxReqHeaderSize} 32 KiB, {@code jdk.httpserver.maxConnections}
 * 4096.
 */
public final class Server implements AutoCloseable {
  private static final int BACKLOG = 1024;

  /** Time for answers that were called off to say so; clients that do not read may take it all. */
  private static final Duration LAST_WORDS = Duration.ofSeconds(1);

  private static final Map<String, String> JDK_LIMITS =
      Map.of(
          "sun.net.httpserver.nodelay", "true",
          "sun.net.httpserver.maxReqTime", "30",
          "sun.net.httpserver.idleInterval", "60",
          "sun.net.httpserver.maxIdleConnections", "1024",
          "sun.net.httpserver.maxReqHeaders", "100",
          "sun.net.httpserver.maxReqHeaderSize", "32768",
          "jdk.httpserver.maxConnections", "4096");

  private final ServerOptions options;
  private final HttpServer http;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Models models;
  private final WorkQueue embeddings;
  private final LensWork lens;
  private final Gate gate;
  private volatile boolean loaded;

  private Server(ServerOptions options, HttpServer http, List<ModelSource> sources) {
    var metrics = new RequestMetrics();
    ServerLimits limits = options.limits();
    List<ModelOffer> offers =
        sources.stream().map(source -> source.offer(options.engine())).toList();
    var requestLimits = new RequestLimits(limits.tokens(), limits.choices(), limits.requestTime());
    this.options = options;
    this.http = http;
    this.models = new Models(offers, limits.loadTime(), options.keepAlive(), metrics);
    this.embeddings = new WorkQueue("vidrio-embeddings", options.engine().queue());
    this.lens = new LensWork(models, limits.requestTime());
    var text = new TextRoutes(models, requestLimits, lens);
    List<Route> routes = new ArrayList<>();
    routes.addAll(new StatusRoutes(models, metrics, this::state).routes());
    routes.addAll(new TokenRoutes(models).routes());
    routes.add(CompletionRoute.of(text));
    routes.add(ChatRoute.of(text));
    routes.add(ResponseRoute.of(text));
    routes.add(new EmbeddingRoute(models, embeddings, limits.requestTime()).route());
    routes.addAll(new LensRoutes(models, lens).routes());
    routes.addAll(WindowRoutes.routes());
    this.gate = new Gate(gateOptions(options), routes, metrics);
  }

  private static GateOptions gateOptions(ServerOptions options) {
    ServerLimits limits = options.limits();
    return new GateOptions(
        options.host(),
        options.apiKeys(),
        Set.copyOf(options.origins()),
        limits.bodyBytes(),
        limits.requests(),
        limits.writeTime(),
        limits.heartbeat());
  }

  /**
   * Starts to answer. While models load, probes are told so, and requests wait for theirs.
   *
   * @param models at least one; the first, and those that have adapters or a draft model, are
   *     loaded before this returns, the others when they are asked for
   * @throws IOException when the address cannot be listened at
   * @throws OutOfMemoryError when there is too little for a model and its engine
   * @throws dev.vidrio.error.ModelException when one of these cannot be loaded, or an adapter or a
   *     draft model is not for its model
   */
  public static Server start(ServerOptions options, ModelSource... models) throws IOException {
    JDK_LIMITS.forEach((name, value) -> System.getProperties().putIfAbsent(name, value));
    HttpServer http = listen(options);
    Server server;
    try {
      server = new Server(options, http, List.of(models));
    } catch (RuntimeException e) {
      http.start(); // The JDK's server keeps its port until one that was started stops.
      http.stop(0);
      throw e;
    }
    http.setExecutor(server.threads);
    var _ = http.createContext("/", server.gate);
    http.start();
    try {
      for (int i = 0; i < models.length; i++) {
        if (i == 0 || models[i].hasParts()) {
          server.models.preload(models[i].id());
        }
      }
    } catch (RuntimeException | Error e) {
      server.close();
      throw e;
    }
    server.loaded = true;
    return server;
  }

  private static HttpServer listen(ServerOptions options) throws IOException {
    var address = new InetSocketAddress(address(options.host()), options.port());
    SSLContext tls = options.tls();
    if (tls == null) {
      return HttpServer.create(address, BACKLOG);
    }
    HttpsServer https = HttpsServer.create(address, BACKLOG);
    https.setHttpsConfigurator(new HttpsConfigurator(tls));
    return https;
  }

  private static InetAddress address(String host) throws IOException {
    try {
      return InetAddress.getByName(host);
    } catch (UnknownHostException e) {
      throw new IOException("host " + host + ": is not known here", e);
    }
  }

  private StatusRoutes.State state() {
    if (gate.isDraining()) {
      return StatusRoutes.State.DRAINING;
    }
    return loaded ? StatusRoutes.State.READY : StatusRoutes.State.LOADING;
  }

  /** Where it listens, with the port that was free. */
  public URI uri() {
    String host = options.host().contains(":") ? "[" + options.host() + "]" : options.host();
    String scheme = options.tls() == null ? "http" : "https";
    return URI.create(scheme + "://" + host + ":" + http.getAddress().getPort());
  }

  /**
   * What a model's engine does; empty while the model is not in memory.
   *
   * @throws InvalidInputException for a model that is not served
   */
  public Optional<EngineStatus> status(String model) {
    return served(model).map(served -> served.engine().status());
  }

  /**
   * The options of a model's engine, with what its zeros came to; empty while the model is not in
   * memory.
   *
   * @throws InvalidInputException for a model that is not served
   */
  public Optional<EngineOptions> engineOptions(String model) {
    return served(model).map(served -> served.engine().options());
  }

  private Optional<ServedModel> served(String model) {
    if (!models.ids().contains(model)) {
      throw new InvalidInputException("model", model, "is not served here");
    }
    return models.loaded(model);
  }

  /** Requests that are being worked on. */
  int running() {
    return gate.running();
  }

  /**
   * Refuses new requests with 503, and waits until those that run have ended.
   *
   * @return whether all have ended in time
   */
  public boolean drain(Duration timeout) throws InterruptedException {
    gate.drain();
    long end = System.nanoTime() + TimeUnit.NANOSECONDS.convert(timeout);
    while (running() > 0) {
      if (System.nanoTime() - end > 0) {
        return false;
      }
      Thread.sleep(10);
    }
    return true;
  }

  /** Calls off what runs, unloads the models, and cuts the connections of who has been told. */
  @Override
  public void close() {
    gate.drain();
    embeddings.close();
    lens.close();
    models.close();
    try {
      var _ = drain(LAST_WORDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    http.stop(0);
    gate.close();
    threads.shutdownNow();
    threads.close();
  }
}
