package dev.vidrio.server.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.testserver.RawClient;
import dev.vidrio.server.testserver.TestServer;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What is logged of requests: a line each, of which no client makes two. */
@Timeout(60)
class AccessLogTest {
  @RegisterExtension static final TestServer server = TestServer.forAll();

  private final Logger logger = Logger.getLogger("dev.vidrio.server.access");
  private final BlockingQueue<LogRecord> records = new LinkedBlockingQueue<>();
  private final Handler handler =
      new Handler() {
        @Override
        public void publish(LogRecord record) {
          records.add(record);
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  @BeforeEach
  void listen() {
    logger.setLevel(Level.FINE);
    logger.addHandler(handler);
  }

  @AfterEach
  void listenNoMore() {
    logger.removeHandler(handler);
    logger.setLevel(null);
  }

  /** The next line, without the time and the request's id. */
  private String line() throws InterruptedException {
    LogRecord record = records.take();
    String text = new SimpleFormatter().formatMessage(record);
    return record.getLevel() + " " + text.replaceFirst(" \\d+ ms [0-9a-f-]{36}$", "");
  }

  @Test
  void charactersOfAPathStayEncoded() throws Exception {
    for (String path :
        List.of("/v1/x%0A2026-01-01%20INFO%20forged", "/%1b%5b31mred", "/%C2%85", "/a%7B0%7D'")) {
      assertEquals(404, server.get(path).statusCode());
      assertEquals("INFO 127.0.0.1 GET " + path + " 404", line());
    }
  }

  @Test
  void probesThatSucceedAreForWhoDebugs() throws Exception {
    for (String path : List.of("/health", "/ready")) {
      assertEquals(200, server.get(path).statusCode());
      assertEquals("FINE 127.0.0.1 GET " + path + " 200", line());
    }
    assertEquals(405, server.post("/ready", "{}").statusCode());
    assertEquals("INFO 127.0.0.1 POST /ready 405", line());
  }

  @Test
  void whoLeavesBeforeAnAnswerHasGone() throws Exception {
    try (RawClient client = new RawClient(server.server().uri())) {
      client
          .send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n")
          .send("Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{");
    }
    assertEquals("INFO 127.0.0.1 POST /v1/completions 499", line());
    assertTrue(
        server
            .get("/metrics")
            .body()
            .contains("{method=\"POST\",status=\"499\",uri=\"/v1/completions\"} 1"));
  }
}
