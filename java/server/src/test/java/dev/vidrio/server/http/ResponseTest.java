package dev.vidrio.server.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.EngineStatus;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.testfiles.HeldExecutor;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.ServerLimits;
import dev.vidrio.server.testserver.RawClient;
import dev.vidrio.server.testserver.TestServer;
import java.io.IOException;
import java.time.Duration;
import java.util.Locale;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that disconnect, do not read, or send slowly leave no resources behind. */
class ResponseTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** A request for many long answers. */
  private static final String LONG =
      "{'model':'bard','prompt':'To be','max_tokens':900,'ignore_eos':true,'n':32,'stream':%s}";

  private final HeldExecutor steps = new HeldExecutor();
  private TestServer server = unstarted();

  @SuppressWarnings("NullAway") // each test starts it
  private static TestServer unstarted() {
    return null;
  }

  /** Starts a server with frequent heartbeats. */
  private void start(UnaryOperator<ServerLimits> change) {
    ServerLimits limits = ServerLimits.DEFAULT.withHeartbeat(Duration.ofMillis(20));
    server =
        TestServer.start(
            options ->
                options
                    .withEngine(EngineOptions.DEFAULT.withPrefixCache(false))
                    .withLimits(change.apply(limits)),
            new ModelSource("bard", () -> steps.open(BardFiles.q8())),
            new ModelSource("parrot", TestServer::parrot));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private EngineStatus status() {
    return server.server().status("bard").orElseThrow();
  }

  /** Waits until no request runs, and checks that no resources are kept. */
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
  void disconnectCancelsAnswers(boolean stream) throws Exception {
    start(limits -> limits);
    RawClient client = new RawClient(server.server().uri());
    steps.hold(1);
    client
        .post("/v1/completions", LONG.formatted(stream))
        .readUntil(stream ? "data: " : "\r\n\r\n");
    client.reset();
    awaitIdle();
    assertTrue(status().generatedTokens() < 900 * 32, status().toString());
  }

  /** All lens requests share one thread, which must be free for the next. */
  @Test
  void disconnectCancelsLensRequests() throws Exception {
    start(limits -> limits);
    steps.hold(0);
    RawClient client = new RawClient(server.server().uri());
    client.post(
        "/v1/lens/patch",
        "{'model':'bard','clean':'The king','corrupted':'The queen','answer':' his',"
            + "'wrong':' her'}");
    steps.awaitHeld();
    client.reset();
    awaitIdle();
  }

  @Test
  void sendsHeartbeatsToWaitingClients() throws Exception {
    start(limits -> limits);
    try (RawClient client = new RawClient(server.server().uri())) {
      steps.hold(0);
      client.post("/v1/completions", LONG.formatted(false).replace("900", "30"));
      String head = client.readUntil("\r\n\r\n");
      assertTrue(head.startsWith("HTTP/1.1 200"), head);
      assertTrue(head.toLowerCase(Locale.ROOT).contains("transfer-encoding: chunked"), head);
      assertEquals("1\r\n \r\n", client.readUntil("\r\n \r\n"));
      steps.release();
      String rest = client.readUntil("0\r\n\r\n");
      assertTrue(rest.contains("\"usage\""), rest);
    }
    awaitIdle();
  }

  /** On a busy machine, such a short timeout also disconnects clients that read. */
  private static ServerLimits impatient(ServerLimits limits) {
    return limits.withWriteTime(Duration.ofMillis(300));
  }

  @Test
  void disconnectsClientsThatDoNotReadStreams() throws Exception {
    start(ResponseTest::impatient);
    try (var log = new AccessLog();
        RawClient client = new RawClient(server.server().uri(), 4096)) {
      steps.hold(800); // say more than lies between the two, and leave something to call off
      client.post("/v1/completions", LONG.formatted(true).replace("'n'", "'logprobs':20,'n'"));
      assertEquals("INFO 127.0.0.1 POST /v1/completions 499", log.line());
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

  /** Whole responses have the same timeout. */
  @Test
  void disconnectsClientsThatDoNotReadWholeResponses() throws Exception {
    start(ResponseTest::impatient);
    try (var log = new AccessLog();
        RawClient client = new RawClient(server.server().uri(), 4096)) {
      String text = "To be, or not to be. ".repeat(100_000);
      client.post("/tokenize", "{'model':'parrot','pieces':true,'text':'" + text + "'}");
      assertEquals("INFO 127.0.0.1 POST /tokenize 499", log.line());
      assertTrue(server.server().drain(PATIENCE));
    }
  }

  @Test
  void randomDisconnectsLeaveNoResources() throws Exception {
    start(limits -> limits);
    var random = new Random(3);
    for (int i = 0; i < 60; i++) {
      RawClient client = new RawClient(server.server().uri());
      String body =
          LONG.formatted(random.nextBoolean()).replace("'n':32", "'n':" + (1 + random.nextInt(3)));
      String request = body.replace('\'', '"');
      String head =
          "POST /v1/completions HTTP/1.1\r\n"
              + "Host: x\r\n"
              + "Content-Type: application/json\r\n"
              + "Content-Length: "
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
