package dev.vidrio.server.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import dev.vidrio.server.metrics.RequestMetrics;
import dev.vidrio.server.testserver.RawClient;
import dev.vidrio.server.testserver.TestServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The access log: one line per request, whatever the client sends. */
@Timeout(60)
class AccessLogTest {
  @RegisterExtension static final TestServer server = TestServer.forAll();

  private final AccessLog log = new AccessLog();

  @AfterEach
  void close() {
    log.close();
  }

  @Test
  void logsEncodedPaths() throws Exception {
    for (String path :
        List.of("/v1/x%0A2026-01-01%20INFO%20forged", "/%1b%5b31mred", "/%C2%85", "/a%7B0%7D'")) {
      assertEquals(404, server.get(path).statusCode());
      assertEquals("INFO 127.0.0.1 GET " + path + " 404", log.line());
    }
  }

  @Test
  void logsPrintableMethods() throws Exception {
    try (RawClient client = new RawClient(server.server().uri())) {
      client.send("G\u001bET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n");
      assertTrue(client.readUntil("\r\n").startsWith("HTTP/1.1 400"));
    }
    assertEquals("INFO 127.0.0.1 G\\u{1b}ET /v1/models 400", log.line());
  }

  @Test
  void logsSuccessfulProbesAtDebug() throws Exception {
    for (String path : List.of("/health", "/ready")) {
      assertEquals(200, server.get(path).statusCode());
      assertEquals("FINE 127.0.0.1 GET " + path + " 200", log.line());
    }
    assertEquals(405, server.post("/ready", "{}").statusCode());
    assertEquals("INFO 127.0.0.1 POST /ready 405", log.line());
  }

  /** The client had already received status 200 with a heartbeat. */
  @Test
  void logsFailureAfterHeartbeat() throws Exception {
    var options =
        new RequestFilterOptions(
            "127.0.0.1",
            List.of(),
            Set.of(),
            1000,
            8,
            Duration.ofDays(1),
            Duration.ofMillis(5),
            FieldListener.NONE);
    var told = new CountDownLatch(1);
    Route late =
        Route.open(
            "/late",
            exchange -> {
              exchange.startHeartbeats(() -> {});
              await(told);
              throw new IllegalStateException("made to fail");
            });
    var metrics = new RequestMetrics();
    HttpServer http =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 8);
    try (var gate = new RequestFilter(options, List.of(late), metrics)) {
      http.createContext("/", gate);
      http.start();
      URI uri = URI.create("http://127.0.0.1:" + http.getAddress().getPort());
      try (RawClient client = new RawClient(uri)) {
        client.send("GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assertTrue(client.readUntil("1\r\n \r\n").startsWith("HTTP/1.1 200"));
        told.countDown();
        assertEquals("INFO 127.0.0.1 GET /late 500", log.line());
      }
      String scraped = new String(metrics.scrape(), StandardCharsets.UTF_8);
      assertTrue(scraped.contains("status=\"500\",uri=\"/late\"} 1"), scraped);
    } finally {
      http.stop(0);
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void logs499IfTheClientDisconnects() throws Exception {
    try (RawClient client = new RawClient(server.server().uri())) {
      client
          .send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n")
          .send("Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{");
    }
    assertEquals("INFO 127.0.0.1 POST /v1/completions 499", log.line());
    assertTrue(
        server
            .get("/metrics")
            .body()
            .contains("{method=\"POST\",status=\"499\",uri=\"/v1/completions\"} 1"));
    assertEquals("INFO 127.0.0.1 GET /metrics 200", log.line()); // or it comes in another test
  }
}
