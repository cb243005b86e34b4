package dev.vidrio.server;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.EngineStatus;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.server.anthropic.AnthropicRoutes;
import dev.vidrio.server.chat.ChatRequest;
import dev.vidrio.server.chat.PromptRoutes;
import dev.vidrio.server.chat.ResponseRequest;
import dev.vidrio.server.completion.CompletionRequest;
import dev.vidrio.server.completion.InfillRequest;
import dev.vidrio.server.completion.LlamaCompletionRequest;
import dev.vidrio.server.encoding.EmbeddingRoute;
import dev.vidrio.server.encoding.RerankRoute;
import dev.vidrio.server.encoding.TokenRoutes;
import dev.vidrio.server.generation.GenerationRoutes;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.http.FieldListener;
import dev.vidrio.server.http.RequestFilter;
import dev.vidrio.server.http.RequestFilterOptions;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.lens.LensExecutor;
import dev.vidrio.server.lens.LensRoutes;
import dev.vidrio.server.metrics.RequestMetrics;
import dev.vidrio.server.model.ModelDefinition;
import dev.vidrio.server.model.ModelRegistry;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.server.model.WorkQueue;
import dev.vidrio.server.ollama.OllamaRoutes;
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
 * An HTTP server with the APIs of OpenAI, Anthropic and Ollama for models in this process. It also
 * serves a web page that shows what happens inside the model.
 *
 * {@snippet file="ServerExamples.java" region="start"}
 *
 * <p>{@link #start} returns once the first model is loaded. {@link #drain} rejects new requests and
 * waits for running ones; {@link #close} cancels them and unloads the models. The server installs
 * no signal handler and no shutdown hook.
 *
 * <p>Each request runs on a virtual thread; each model has an engine with its own threads. All
 * methods are thread-safe.
 *
 * <p>The JDK reads the limits of its HTTP server from system properties, once per process. When the
 * first server starts, it sets those that are not set: {@code sun.net.httpserver.nodelay} true,
 * {@code .maxReqTime} 30 s, {@code .idleInterval} 60 s, {@code .maxIdleConnections} 1024, {@code
 * .maxReqHeaders} 100, {@code .maxReqHeaderSize} 32 KiB, {@code jdk.httpserver.maxConnections}
 * 4096.
 *
 * <p>Routes, fields, errors and operation are described in {@code docs/server.md}.
 *
 * @see ServerOptions
 * @see ModelSource
 */
public final class Server implements AutoCloseable {
  private static final int BACKLOG = 1024;

  /** Time for canceled requests to send their errors when the server closes. */
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(1);

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
  private final ModelRegistry models;
  private final WorkQueue embeddings;
  private final LensExecutor lens;
  private final List<Route> routes;
  private final RequestFilter gate;
  private volatile boolean loaded;

  private Server(
      ServerOptions options, HttpServer http, List<ModelSource> sources, FieldListener listener) {
    var metrics = new RequestMetrics();
    ServerLimits limits = options.limits();
    List<ModelDefinition> definitions =
        sources.stream().map(source -> source.define(options.engine())).toList();
    var requestLimits = new RequestLimits(limits.tokens(), limits.choices(), limits.requestTime());
    this.options = options;
    this.http = http;
    this.models =
        new ModelRegistry(
            definitions, limits.loadTime(), options.keepAlive(), options.modelBytes(), metrics);
    this.embeddings = new WorkQueue("vidrio-embeddings", options.engine().queue());
    this.lens = new LensExecutor(models, limits.requestTime());
    var text = new GenerationRoutes(models, requestLimits, lens);
    this.routes = new ArrayList<>();
    routes.addAll(new StatusRoutes(models, metrics, this::state).routes());
    routes.addAll(new TokenRoutes(models).routes());
    routes.add(text.route("/v1/completions", CompletionRequest::read));
    routes.add(text.route("/completion", LlamaCompletionRequest::read));
    routes.add(text.route("/infill", InfillRequest::read));
    routes.add(text.route("/v1/chat/completions", ChatRequest::read));
    routes.add(text.route("/v1/responses", ResponseRequest::read));
    routes.addAll(new PromptRoutes(models, requestLimits).routes());
    var vectors = new EmbeddingRoute(models, embeddings, limits.requestTime());
    routes.add(vectors.route());
    routes.addAll(new RerankRoute(models, embeddings, limits.requestTime()).routes());
    routes.addAll(new AnthropicRoutes(models, text, requestLimits).routes());
    routes.addAll(new OllamaRoutes(models, text, vectors).routes());
    routes.addAll(new LensRoutes(models, lens, options.lensCommands()).routes());
    routes.addAll(WindowRoutes.routes());
    routes.add(OpenApi.route());
    this.gate = new RequestFilter(gateOptions(options, listener), routes, metrics);
  }

  private static RequestFilterOptions gateOptions(ServerOptions options, FieldListener listener) {
    ServerLimits limits = options.limits();
    return new RequestFilterOptions(
        options.host(),
        options.apiKeys(),
        Set.copyOf(options.origins()),
        limits.bodyBytes(),
        limits.requests(),
        limits.writeTime(),
        limits.heartbeat(),
        listener);
  }

  /**
   * Starts a server. It accepts connections at once: while models load, {@code /ready} responds
   * with 503 and requests wait for their model.
   *
   * @param models at least one model. The first, and those with adapters or a draft model, are
   *     loaded before this method returns; the others on first use
   * @throws IOException if the server cannot listen on the address
   * @throws OutOfMemoryError if the memory does not suffice for a model and its engine
   * @throws dev.vidrio.error.ModelException if a model, an adapter or a draft model cannot be
   *     loaded, or an adapter or draft model does not fit its model
   */
  public static Server start(ServerOptions options, ModelSource... models) throws IOException {
    return start(options, FieldListener.NONE, models);
  }

  /**
   * Starts a server.
   *
   * @param listener receives the fields that routes read
   */
  static Server start(ServerOptions options, FieldListener listener, ModelSource... models)
      throws IOException {
    JDK_LIMITS.forEach((name, value) -> System.getProperties().putIfAbsent(name, value));
    HttpServer http = listen(options);
    Server server;
    try {
      server = new Server(options, http, List.of(models), listener);
    } catch (RuntimeException e) {
      http.start(); // The JDK's server frees its port only if it was started.
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
      throw new IOException("host " + host + ": unknown host", e);
    }
  }

  private StatusRoutes.State state() {
    if (gate.isDraining()) {
      return StatusRoutes.State.DRAINING;
    }
    return loaded ? StatusRoutes.State.READY : StatusRoutes.State.LOADING;
  }

  /** Returns the URI of the server, with the actual port. */
  public URI uri() {
    String host = options.host().contains(":") ? "[" + options.host() + "]" : options.host();
    String scheme = options.tls() == null ? "http" : "https";
    return URI.create(scheme + "://" + host + ":" + http.getAddress().getPort());
  }

  /**
   * Returns the status of a model's engine; empty if the model is not loaded.
   *
   * @throws InvalidInputException if there is no such model
   */
  public Optional<EngineStatus> status(String model) {
    return served(model).map(served -> served.engine().status());
  }

  /**
   * Returns the options of a model's engine, with zeros replaced by the chosen values; empty if the
   * model is not loaded.
   *
   * @throws InvalidInputException if there is no such model
   */
  public Optional<EngineOptions> engineOptions(String model) {
    return served(model).map(served -> served.engine().options());
  }

  private Optional<ServedModel> served(String model) {
    if (!models.ids().contains(model)) {
      throw new InvalidInputException(
          "model", model, "not found; available: " + String.join(", ", models.ids()));
    }
    return models.loaded(model);
  }

  /** Returns the routes. */
  List<Route> routes() {
    return routes;
  }

  /** Returns the number of running requests. */
  int running() {
    return gate.running();
  }

  /**
   * Rejects new requests with 503 from now on, and waits for running ones.
   *
   * @return true if all running requests ended within the timeout
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

  /** Cancels running requests, unloads the models, and closes all connections. */
  @Override
  public void close() {
    gate.drain();
    embeddings.close();
    lens.close();
    models.close();
    try {
      var _ = drain(CLOSE_TIMEOUT);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    http.stop(0);
    gate.close();
    threads.shutdownNow();
    threads.close();
  }
}
