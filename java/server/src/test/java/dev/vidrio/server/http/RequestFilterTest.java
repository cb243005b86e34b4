package dev.vidrio.server.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.testfiles.HeldExecutor;
import dev.vidrio.server.ServerLimits;
import dev.vidrio.server.metrics.RequestMetrics;
import dev.vidrio.server.testserver.RawClient;
import dev.vidrio.server.testserver.TestServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Checks of all requests: keys, methods, types, sizes, limits, shutdown. */
@Timeout(120)
class RequestFilterTest {
  private static final String COMPLETE = "/v1/completions";
  private static final String SHORT = "{\"model\":\"parrot\",\"prompt\":\"x:\"}";

  /** A request for four answers. */
  private static final String STREAM =
      "{'model':'bard','prompt':'To be','max_tokens':200,'ignore_eos':true,'stream':true,'n':4}";

  /** Begins a request that ends when its steps are released. */
  private static void begin(HeldExecutor steps, RawClient client) throws IOException {
    steps.hold(1);
    client.post(COMPLETE, STREAM).readUntil("data: ");
  }

  @Test
  void requiresKeyExceptForProbes() {
    try (TestServer server =
        TestServer.start(options -> options.withApiKeys(List.of("one", "two")))) {
      for (String path : List.of("/v1/models", "/metrics", "/nowhere", COMPLETE, "/v1/lens")) {
        HttpResponse<String> response = server.get(path);
        assertEquals(
            "401 invalid_api_key - header Authorization: must be 'Bearer' followed by an API key",
            TestServer.error(response));
        assertEquals("Bearer", response.headers().firstValue("www-authenticate").orElse(""));
      }
      assertEquals(200, server.get("/health").statusCode());
      assertEquals(200, server.get("/ready").statusCode());
      for (String key : List.of("one", "two")) {
        assertEquals(200, withKey(server, "Bearer " + key).statusCode());
        assertEquals(200, withKey(server, "bearer " + key).statusCode());
      }
      for (String wrong :
          List.of("Bearer", "Bearer ", "Bearer On", "Bearer one2", "Basic one", "one")) {
        assertEquals(401, withKey(server, wrong).statusCode(), wrong);
      }
    }
  }

  private static HttpResponse<String> withKey(TestServer server, String header) {
    return server.send(server.request("/v1/models").header("Authorization", header).build());
  }

  @Test
  void checksMethodsTypesAndSizes() {
    try (TestServer server =
        TestServer.start(options -> options.withLimits(ServerLimits.DEFAULT.withBodyBytes(1000)))) {
      HttpResponse<String> get = server.get(COMPLETE);
      assertEquals(
          "405 method_not_allowed - method GET: not allowed; allowed: POST", TestServer.error(get));
      assertEquals("POST", get.headers().firstValue("allow").orElse(""));
      HttpResponse<String> preflight =
          server.send(server.request(COMPLETE).method("OPTIONS", BodyPublishers.noBody()).build());
      assertEquals(405, preflight.statusCode());
      assertFalse(preflight.headers().firstValue("access-control-allow-origin").isPresent());
      assertEquals("404 not_found - path /v2 not found", TestServer.error(server.get("/v2")));
      for (String path : List.of("/completions", "/v1/v1/completions", "/v1/completions/")) {
        assertEquals(
            "404 not_found - path " + path + " not found; did you mean /v1/completions?",
            TestServer.error(server.post(path, SHORT)));
      }
      assertEquals(
          "415 unsupported_media_type - content encoding 'gzip': not supported; the body"
              + " must not be compressed",
          TestServer.error(
              server.send(
                  server.jsonRequest(COMPLETE, SHORT).header("Content-Encoding", "gzip").build())));
      assertEquals(
          "415 unsupported_media_type - content type 'text/plain': must be application/json",
          TestServer.error(
              server.send(
                  server
                      .request(COMPLETE)
                      .header("Content-Type", "text/plain")
                      .POST(BodyPublishers.ofString(SHORT))
                      .build())));
      assertEquals(
          415,
          server
              .send(server.request(COMPLETE).POST(BodyPublishers.ofString(SHORT)).build())
              .statusCode());
      assertEquals(
          "413 body_too_large - body: must have at most 1000 bytes",
          TestServer.error(server.post(COMPLETE, "{'prompt':'" + "x".repeat(1000) + "'}")));
      assertEquals(
          "400 malformed_body - body: invalid UTF-8 at byte 11",
          TestServer.error(
              server.send(
                  server
                      .request(COMPLETE)
                      .header("Content-Type", "Application/JSON; charset=utf-8")
                      .POST(
                          BodyPublishers.ofByteArray(
                              "{\"prompt\":\"\u00ff\"}".getBytes(StandardCharsets.ISO_8859_1)))
                      .build())));
      assertEquals(200, server.post(COMPLETE, SHORT).statusCode());
    }
  }

  @Test
  void assignsRequestIds() {
    try (TestServer server = TestServer.start()) {
      String path = "/v1/models";
      HttpResponse<String> named =
          server.send(server.request(path).header("x-request-id", "a-1").build());
      assertEquals("a-1", named.headers().firstValue("x-request-id").orElse(""));
      HttpResponse<String> hostile =
          server.send(server.request(path).header("x-request-id", "a b<script>").build());
      assertTrue(hostile.headers().firstValue("x-request-id").orElse("").matches("[0-9a-f-]{36}"));
    }
  }

  /** Preflight requests and their responses (Fetch standard). */
  @Test
  void allowsConfiguredOrigins() throws IOException {
    String page = "http://localhost:3000";
    try (TestServer server =
        TestServer.start(options -> options.withApiKeys(List.of("k")).withOrigins(List.of(page)))) {
      HttpResponse<String> preflight =
          server.send(
              server
                  .request(COMPLETE)
                  .method("OPTIONS", BodyPublishers.noBody())
                  .header("Origin", page)
                  .header("Access-Control-Request-Method", "POST")
                  .header("Access-Control-Request-Headers", "authorization,content-type")
                  .build());
      assertEquals(204, preflight.statusCode());
      assertEquals(page, header(preflight, "access-control-allow-origin"));
      assertEquals("GET, POST", header(preflight, "access-control-allow-methods"));
      assertEquals("authorization,content-type", header(preflight, "access-control-allow-headers"));
      for (String key : List.of("k", "wrong")) {
        HttpResponse<String> answer =
            server.send(
                server
                    .jsonRequest(COMPLETE, SHORT)
                    .header("Origin", page)
                    .header("Authorization", "Bearer " + key)
                    .build());
        assertEquals(key.equals("k") ? 200 : 401, answer.statusCode());
        assertEquals(page, header(answer, "access-control-allow-origin"));
        assertEquals("Origin", header(answer, "vary"));
      }
      HttpResponse<String> other =
          server.send(server.request("/v1/models").header("Origin", page + "0").build());
      assertEquals("", header(other, "access-control-allow-origin"));
    }
  }

  private static String header(HttpResponse<String> response, String name) {
    return response.headers().firstValue(name).orElse("");
  }

  /** As when memory is exhausted by a body: the next request is not affected. */
  @Test
  void respondsWith500OnError() throws Exception {
    var options =
        new RequestFilterOptions(
            "127.0.0.1",
            List.of(),
            Set.of(),
            1000,
            8,
            Duration.ofSeconds(30),
            Duration.ofSeconds(1),
            FieldListener.NONE);
    Route broken =
        Route.open(
            "/broken",
            exchange -> {
              throw new OutOfMemoryError("made to fail");
            });
    HttpServer http =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 8);
    try (var filter = new RequestFilter(options, List.of(broken), new RequestMetrics());
        HttpClient client = HttpClient.newHttpClient()) {
      http.createContext("/", filter);
      http.start();
      URI uri = URI.create("http://127.0.0.1:" + http.getAddress().getPort() + "/broken");
      for (int i = 0; i < 2; i++) {
        HttpResponse<String> response =
            client.send(
                HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(30)).build(),
                HttpResponse.BodyHandlers.ofString());
        assertEquals(500, response.statusCode());
      }
      while (filter.running() > 0) {
        Thread.sleep(1); // the response is sent before the request is no longer counted
      }
    } finally {
      http.stop(0);
    }
  }

  @Test
  void checksLimits() {
    var e =
        assertThrows(
            InvalidInputException.class,
            () -> ServerLimits.DEFAULT.withBodyBytes(Integer.MAX_VALUE));
    assertEquals("body bytes 2147483647: must be at most 1073741824", e.getMessage());
    assertThrows(InvalidInputException.class, () -> ServerLimits.DEFAULT.withRequests(0));
  }

  @Test
  void rejectsRequestsIfTheQueueIsFull() throws Exception {
    var steps = new HeldExecutor();
    try (TestServer server =
            TestServer.start(
                steps,
                options ->
                    options.withEngine(EngineOptions.DEFAULT.withSequences(4).withQueue(0)));
        RawClient running = new RawClient(server.server().uri())) {
      begin(steps, running);
      HttpResponse<String> response =
          server.post(COMPLETE, "{'model':'bard','prompt':'To be','n':2}");
      assertEquals(429, response.statusCode(), response.body());
      assertTrue(Integer.parseInt(response.headers().firstValue("retry-after").orElse("0")) >= 1);
      String failed =
          "vidrio_requests_failed_total{error_type=\"queue_full\",gen_ai_request_model=\"bard\"}"
              + " 2.0";
      String metrics = server.get("/metrics").body();
      assertTrue(metrics.contains(failed), metrics);
    }
  }

  @Test
  void rejectsRequestsAboveTheLimit() throws Exception {
    var steps = new HeldExecutor();
    try (TestServer server =
            TestServer.start(
                steps, options -> options.withLimits(ServerLimits.DEFAULT.withRequests(1)));
        RawClient running = new RawClient(server.server().uri())) {
      begin(steps, running);
      assertEquals(
          "429 rate_limit_exceeded - too many requests: 1 are running, the limit",
          TestServer.error(server.post(COMPLETE, SHORT)));
      assertEquals(200, server.get("/health").statusCode());
      assertEquals(200, server.get("/metrics").statusCode());
    }
  }

  /** Otherwise a rejected request would cost as much as an accepted one. */
  @Test
  void rejectsBeforeCompilingGrammarsAndPrompts() throws Exception {
    String schema = "{'minlength':1}";
    String tool = "{'type':'function',%s'name':'f','parameters':" + schema + "}";
    Map<String, List<String>> wrong =
        Map.of(
            COMPLETE,
            List.of("'prompt':'a','regex':'('", "'prompt':[99999999]"),
            "/v1/chat/completions",
            List.of(
                "'messages':[{'role':'user','content':'a'}],'tool_choice':'required','tools':["
                    + tool.formatted("'function':{")
                    + "}]",
                "'messages':[{'role':'user','content':'no chat template'}]"),
            "/v1/responses",
            List.of("'input':'a','tool_choice':'required','tools':[" + tool.formatted("") + "]"));
    var steps = new HeldExecutor();
    try (TestServer server =
            TestServer.start(
                steps,
                options ->
                    options.withEngine(EngineOptions.DEFAULT.withSequences(4).withQueue(0)));
        RawClient running = new RawClient(server.server().uri())) {
      assertStatus(400, server, wrong);
      begin(steps, running);
      assertStatus(429, server, wrong);
    }
  }

  private static void assertStatus(
      int status, TestServer server, Map<String, List<String>> requests) {
    requests.forEach(
        (path, all) ->
            all.forEach(
                fields -> {
                  var response = server.post(path, "{'model':'bard'," + fields + "}");
                  assertEquals(status, response.statusCode(), response.body());
                }));
  }

  /** A later attempt could not succeed either. */
  @Test
  void rejectsRequestsThatExceedTheCapacity() {
    try (TestServer server =
        TestServer.start(
            options -> options.withEngine(EngineOptions.DEFAULT.withSequences(2).withQueue(1)))) {
      String many = "{'model':'bard','max_tokens':1,'prompt':['a','b','c','d']}";
      assertEquals(
          "400 invalid_value prompt prompt: 4 answers exceed the limit of 3 (running and queued)",
          TestServer.error(server.post(COMPLETE, many)));
      assertEquals(200, server.post(COMPLETE, many.replace(",'d'", "")).statusCode());
      String best = "{'model':'bard','max_tokens':1,'prompt':'a','best_of':4}";
      assertEquals(
          "400 invalid_value best_of best_of: 4 answers exceed the limit of 3 (running and"
              + " queued)",
          TestServer.error(server.post(COMPLETE, best)));
      String chat = "{'model':'parrot','messages':[{'role':'user','content':'a'}],'n':4}";
      assertEquals(
          "400 invalid_value n n: 4 answers exceed the limit of 3 (running and queued)",
          TestServer.error(server.post("/v1/chat/completions", chat)));
    }
  }

  /** Clients send their whole request before they read the response. */
  @Test
  void respondsBeforeTheBodyIsRead() throws Exception {
    var steps = new HeldExecutor();
    try (TestServer server =
            TestServer.start(
                steps, options -> options.withLimits(ServerLimits.DEFAULT.withRequests(1)));
        RawClient running = new RawClient(server.server().uri())) {
      begin(steps, running);
      String large = "{'model':'bard','prompt':'" + "a".repeat(7 << 20) + "'}";
      for (int i = 0; i < 5; i++) {
        assertEquals(429, server.post(COMPLETE, large).statusCode());
        assertEquals(404, server.post("/v2", large).statusCode());
      }
    }
  }

  @Test
  void drainingFinishesRunningAndRejectsNewRequests() throws Exception {
    var steps = new HeldExecutor();
    try (TestServer server = TestServer.start(steps, options -> options);
        RawClient running = new RawClient(server.server().uri())) {
      begin(steps, running);
      assertFalse(server.server().drain(Duration.ofMillis(1)));
      HttpResponse<String> refused = server.post(COMPLETE, SHORT);
      assertEquals("503 unavailable - the server is shutting down", TestServer.error(refused));
      assertEquals("10", refused.headers().firstValue("retry-after").orElse(""));
      assertEquals(503, server.get("/ready").statusCode());
      assertEquals(200, server.get("/health").statusCode());
      // Metrics are available until the last request ends.
      assertEquals(200, server.get("/metrics").statusCode());
      steps.release();
      running.readUntil("data: [DONE]\n\n");
      assertTrue(server.server().drain(ChronoUnit.FOREVER.getDuration()));
    }
  }
}
