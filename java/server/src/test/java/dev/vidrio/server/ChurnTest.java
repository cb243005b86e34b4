package dev.vidrio.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.EngineStatus;
import dev.vidrio.server.testserver.TestServer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

/** Concurrent clients that disconnect at random points leave no resources behind. */
@Timeout(3600)
class ChurnTest {
  /** Number of connections; {@code -Dvidrio.churn=100000} takes minutes. */
  private static final int CHURN = Integer.getInteger("vidrio.churn", 1000);

  private static final int CLIENTS = 24;

  /** Parts of the connections, between which the heap is measured. */
  private static final int PARTS = 5;

  /** Tolerance of heap measurements, in bytes. */
  private static final long NOISE = 200 << 10;

  /** A request of a few seconds on bard, so that only waiting clients receive a whole answer. */
  private static final String QUESTION =
      "{'model':'bard','prompt':'To be','max_tokens':12,'seed':5,'logprobs':3}";

  private static TestServer start() {
    return TestServer.start(
        options ->
            options
                .withEngine(EngineOptions.DEFAULT.withSequences(16).withQueue(32))
                .withLimits(
                    ServerLimits.DEFAULT.withTokens(200).withHeartbeat(Duration.ofMillis(20))));
  }

  @Test
  void disconnectingClientsLeaveNoResources() throws Exception {
    try (TestServer server = start()) {
      JsonNode expected = answer(server);
      // Pools and buffers reach their final sizes.
      churn(server, 0, Math.max(300, CHURN / 10));
      Resources before = settled(server, Resources.NO_LIMIT);
      List<Long> growth = new ArrayList<>();
      long bytes = Resources.bytes();
      for (int part = 1; part <= PARTS; part++) {
        churn(server, part, CHURN / PARTS);
        var _ = settled(server, before);
        long now = Resources.bytes();
        growth.add(now - bytes);
        bytes = now;
      }
      // A leak grows in each part; a pool of the JDK grows or shrinks by 1 MB in one.
      long median = growth.stream().sorted().toList().get(PARTS / 2);
      assertTrue(median < NOISE, "heap grew by " + growth + " bytes in parts of the connections");
      assertEquals(expected, answer(server));
      assertTrue(server.server().drain(Duration.ofMinutes(1)), "a request still runs");
    }
  }

  /** Returns an answer with its log-probabilities, which must not change. */
  private static JsonNode answer(TestServer server) {
    return server.json("/v1/completions", QUESTION).path("choices");
  }

  private static void churn(TestServer server, long seed, int count) throws Exception {
    var left = new AtomicInteger(count);
    List<Future<?>> clients = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(CLIENTS)) {
      for (int i = 0; i < CLIENTS; i++) {
        var random = new Random(seed * CLIENTS + i);
        clients.add(
            threads.submit(
                () -> {
                  while (left.getAndDecrement() > 0) {
                    new ChurnClient(random, server.server().uri()).run();
                  }
                  return null;
                }));
      }
    }
    for (Future<?> client : clients) {
      client.get();
    }
  }

  /**
   * Returns the resources while no request runs.
   *
   * @param atMost the resources to wait for, since connections are closed with a delay
   */
  private static Resources settled(TestServer server, Resources atMost)
      throws InterruptedException, IOException {
    long end = System.nanoTime() + Duration.ofMinutes(1).toNanos();
    Resources now = Resources.now();
    // A connection may have an unread request.
    for (int idle = 0; idle < 5; idle++) {
      Thread.sleep(20);
      now = Resources.now();
      if (isBusy(server) || !now.isNoMoreThan(atMost)) {
        idle = -1;
        String held = now + " rather than " + atMost + ", " + status(server);
        assertTrue(System.nanoTime() < end, held);
      }
    }
    return now;
  }

  private static boolean isBusy(TestServer server) {
    return server.server().running() > 0
        || status(server).stream()
            .anyMatch(status -> status.running() + status.waiting() + status.usedBlocks() > 0);
  }

  private static List<EngineStatus> status(TestServer server) {
    return List.of(TestServer.PARROT, TestServer.BARD).stream()
        .flatMap(model -> server.server().status(model).stream())
        .toList();
  }
}
