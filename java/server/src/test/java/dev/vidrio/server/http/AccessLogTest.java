package dev.vidrio.server.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.testserver.RawClient;
import dev.vidrio.server.testserver.TestServer;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What is logged of requests: a line each, of which no client makes two. */
@Timeout(60)
class AccessLogTest {
  @RegisterExtension static final TestServer server = TestServer.forAll();

  private final AccessLog log = new AccessLog();

  @AfterEach
  void close() {
    log.close();
  }

  @Test
  void charactersOfAPathStayEncoded() throws Exception {
    for (String path :
        List.of("/v1/x%0A2026-01-01%20INFO%20forged", "/%1b%5b31mred", "/%C2%85", "/a%7B0%7D'")) {
      assertEquals(404, server.get(path).statusCode());
      assertEquals("INFO 127.0.0.1 GET " + path + " 404", log.line());
    }
  }

  @Test
  void probesThatSucceedAreForWhoDebugs() throws Exception {
    for (String path : List.of("/health", "/ready")) {
      assertEquals(200, server.get(path).statusCode());
      assertEquals("FINE 127.0.0.1 GET " + path + " 200", log.line());
    }
    assertEquals(405, server.post("/ready", "{}").statusCode());
    assertEquals("INFO 127.0.0.1 POST /ready 405", log.line());
  }

  @Test
  void whoLeavesBeforeAnAnswerHasGone() throws Exception {
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
