package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.cli.lens.ServedCommands;
import dev.vidrio.engine.LensOptions;
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
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Sends a body to a route of the lens, which the first byte selects, and runs it on a tiny model.
 * The response is a result, or an error of one line that is the client's; it may be 503 if the
 * request took too long, and then the next one is answered. A request that is repeated needs no
 * more memory.
 */
public final class LensHarness {
  /** The time of a request, after which it gets 503. */
  private static final Duration TIME = Duration.ofSeconds(2);

  /** The time after which a canceled request must have left the thread of the lens. */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private static final int MAX_WAITING = 16;

  /** Files that all requests may read, among them dictionaries. */
  private static final Path SHARED = Fixtures.path("docs/lens");

  private static final int UNAVAILABLE = 503;

  private static final MeteredExecutor EXECUTOR = new MeteredExecutor();
  private static final List<Route> ROUTES;
  private static final RequestFilter FILTER;

  /** Waits until the thread of the lens has ended a request that took too long. */
  private static final RequestFilter PATIENT;

  static {
    ServerAnswer.listen();
    var metrics = new RequestMetrics();
    var definition =
        new ModelDefinition(
            TinyServers.MODEL,
            List.of(),
            meters ->
                ServedModel.open(
                    TinyServers.MODEL,
                    () -> TinyServers.model(() -> EXECUTOR),
                    null,
                    _ -> Map.of(),
                    TinyServers.engine().withLens(LensOptions.STEERING),
                    meters));
    var models = new ModelRegistry(List.of(definition), Duration.ofMinutes(1), null, 0, metrics);
    var queue = new WorkQueue("vidrio-lens", MAX_WAITING);
    ROUTES = routes(models, new LensExecutor(models, TIME, queue));
    FILTER = filter(ROUTES, metrics);
    PATIENT = filter(routes(models, new LensExecutor(models, PATIENCE, queue)), metrics);
  }

  private static List<Route> routes(ModelRegistry models, LensExecutor executor) {
    return new LensRoutes(models, executor, new ServedCommands(SHARED)).routes();
  }

  private static RequestFilter filter(List<Route> routes, RequestMetrics metrics) {
    var options =
        new RequestFilterOptions(
            "localhost",
            List.of(),
            Set.of(),
            1 << 20,
            MAX_WAITING,
            Duration.ofDays(1),
            Duration.ofDays(1),
            FieldListener.NONE);
    return new RequestFilter(options, routes, metrics);
  }

  /** A response. */
  private record Answer(int status, String type, String body) {}

  private LensHarness() {}

  /** Loads the model before the first input, since its time is limited. */
  public static void fuzzerInitialize() {
    requireAnswer();
  }

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    if (data.length == 0) {
      return;
    }
    Route route = ROUTES.get(Math.floorMod(data[0] - '0', ROUTES.size()));
    byte[] body = Arrays.copyOfRange(data, 1, data.length);
    long before = EXECUTOR.bytes();
    Answer answer = send(FILTER, route, body);
    for (int i = 0; EXECUTOR.bytes() > before && answer.status != UNAVAILABLE; i++) {
      // Values that a model computes once, and the last run, stay in memory.
      Oracle.require(i < 3, "memory grows from " + before + " to " + EXECUTOR.bytes() + " bytes");
      before = EXECUTOR.bytes();
      answer = send(FILTER, route, body);
    }
    if (answer.status == UNAVAILABLE) {
      requireAnswer();
    } else {
      ServerAnswer.require(answer.status, answer.type, answer.body, body);
    }
  }

  private static Answer send(RequestFilter filter, Route route, byte[] body) {
    var exchange = new MemoryExchange(route.method(), route.path(), body);
    try {
      filter.handle(exchange);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new Answer(
        exchange.getResponseCode(),
        String.valueOf(exchange.getResponseHeaders().getFirst("Content-Type")),
        Fixtures.text(exchange.response()));
  }

  /** Requires a valid request to be answered after those before it. */
  private static void requireAnswer() {
    Route route = ROUTES.get(index("POST", "/v1/lens/cache") - '0');
    byte[] body = "{\"tokens\":[1],\"hooks\":\"hook_embed\"}".getBytes(UTF_8);
    Answer answer = send(PATIENT, route, body);
    ServerAnswer.require(answer.status, answer.type, answer.body, body);
    Oracle.requireEqual(200, answer.status, "status of a valid request");
  }

  /** Returns the byte that selects a route. */
  static char index(String method, String path) {
    for (int i = 0; i < ROUTES.size(); i++) {
      if (ROUTES.get(i).path().equals(path) && ROUTES.get(i).method().equals(method)) {
        return (char) ('0' + i);
      }
    }
    throw new IllegalArgumentException("no route " + path);
  }

  /** Returns requests of every route and command. */
  public static List<byte[]> seeds() {
    return LensSeeds.all();
  }
}
