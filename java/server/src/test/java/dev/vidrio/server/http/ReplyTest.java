package dev.vidrio.server.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.EngineStatus;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.BardFiles;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.ServerLimits;
import dev.vidrio.server.testserver.RawClient;
import dev.vidrio.server.testserver.TestServer;
import java.io.IOException;
import java.time.Duration;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that go, do not read, or send slowly, leave nothing behind. */
class ReplyTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** Runs for some seconds on the bard, unless it is called off. */
  private static final String LONG =
      "{'model':'bard','prompt':'To be','max_tokens':900,'ignore_eos':true,'n':32,'stream':%s}";

  private TestServer server = unstarted();

  @SuppressWarnings("NullAway") // JUnit starts it before each test
  private static TestServer unstarted() {
    return null;
  }

  @BeforeEach
  void start() {
    server =
        TestServer.start(
            options ->
                options
                    .withEngine(EngineOptions.DEFAULT.withPrefixCache(false))
                    .withLimits(
                        ServerLimits.DEFAULT
                            .withHeartbeat(Duration.ofMillis(20))
                            .withWriteTime(Duration.ofMillis(300))),
            new ModelSource("bard", () -> Model.open(BardFiles.q8())),
            new ModelSource("parrot", TestServer::parrot));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private EngineStatus status() {
    return server.server().status("bard").orElseThrow();
  }

  /** Waits until nothing runs, and sees that nothing is kept. */
  private void awaitIdle() throws InterruptedException {
    assertTrue(server.server().drain(PATIENCE));
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (status().running() + status().waiting() + status().usedBlocks() > 0) {
      assertTrue(System.nanoTime() < end, "still held: " + status());
      Thread.sleep(5);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aClientThatDiesEndsItsAnswers(boolean stream) throws Exception {
    RawClient client = new RawClient(server.server().uri());
    client
        .post("/v1/completions", LONG.formatted(stream))
        .readUntil(stream ? "data: " : "\r\n\r\n");
    client.reset();
    awaitIdle();
    assertTrue(status().generatedTokens() < 900 * 32, status().toString());
  }

  @Test
  void aClientThatWaitsIsSentHeartbeats() throws Exception {
    try (RawClient client = new RawClient(server.server().uri())) {
      client.post("/v1/completions", LONG.formatted(false).replace("900", "300"));
      String head = client.readUntil("\r\n\r\n");
      assertTrue(head.startsWith("HTTP/1.1 200"), head);
      assertTrue(head.toLowerCase(Locale.ROOT).contains("transfer-encoding: chunked"), head);
      assertEquals("1\r\n \r\n", client.readUntil("\r\n \r\n"));
      String rest = client.readUntil("0\r\n\r\n");
      assertTrue(rest.contains("\"usage\""), rest);
    }
    awaitIdle();
  }

  @Test
  void aClientThatDoesNotReadIsCutOff() throws Exception {
    try (RawClient client = new RawClient(server.server().uri(), 4096)) {
      client.post("/v1/completions", LONG.formatted(true).replace("'n'", "'logprobs':20,'n'"));
      awaitIdle();
      assertTrue(status().generatedTokens() < 900 * 32, status().toString());
      try {
        String rest = client.readAll();
        assertTrue(!rest.contains("[DONE]"));
      } catch (IOException reset) {
        assertTrue(String.valueOf(reset.getMessage()).contains("reset"), reset.toString());
      }
    }
  }

  /** As one in a stream is. */
  @Test
  void aClientThatDoesNotReadAWholeAnswerIsCutOff() throws Exception {
    try (RawClient client = new RawClient(server.server().uri(), 4096)) {
      String text = "To be, or not to be. ".repeat(100_000);
      client.post("/tokenize", "{'model':'parrot','pieces':true,'text':'" + text + "'}");
      client.readUntil("HTTP/1.1 200");
      assertTrue(server.server().drain(PATIENCE));
    }
  }

  @Test
  void randomDisconnectsLeaveNothingBehind() throws Exception {
    var random = new Random(3);
    for (int i = 0; i < 60; i++) {
      RawClient client = new RawClient(server.server().uri());
      String body =
          LONG.formatted(random.nextBoolean()).replace("'n':32", "'n':" + (1 + random.nextInt(3)));
      String request = body.replace('\'', '"');
      String head =
          "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
              + request.length()
              + "\r\n\r\n";
      String whole = head + request;
      client.send(
          whole.substring(
              0, random.nextInt(4) == 0 ? random.nextInt(whole.length()) : whole.length()));
      Thread.sleep(random.nextInt(30));
      if (random.nextBoolean()) {
        client.reset();
      } else {
        client.close();
      }
    }
    String after = "{'model':'parrot','prompt':'x:'}";
    assertEquals(200, server.post("/v1/completions", after).statusCode());
    awaitIdle();
  }
}
