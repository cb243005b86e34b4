package dev.vidrio.server.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.HeldExecutor;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.ServerLimits;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.metrics.ModelMetrics;
import dev.vidrio.server.metrics.RequestMetrics;
import dev.vidrio.server.testserver.TestServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Models are loaded once on first use, and unloaded when idle. */
class ModelRegistryTest {
  private static final String ASK = "{'model':'second','prompt':'x:','max_tokens':2}";

  private static ModelSource first() {
    return new ModelSource("first", TestServer::parrot);
  }

  @Test
  void loadsModelOnceForConcurrentRequests() throws Exception {
    var loads = new AtomicInteger();
    var second =
        new ModelSource(
            "second",
            () -> {
              loads.incrementAndGet();
              return TestServer.parrot();
            });
    try (TestServer server = TestServer.start(options -> options, first(), second);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      assertEquals(0, loads.get());
      assertTrue(server.server().status("second").isEmpty());
      List<Future<Integer>> answers = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        answers.add(threads.submit(() -> server.post("/v1/completions", ASK).statusCode()));
      }
      for (Future<Integer> answer : answers) {
        assertEquals(200, answer.get());
      }
      assertEquals(1, loads.get());
      assertTrue(server.server().status("second").isPresent());
    }
  }

  @Test
  void unloadsIdleModelsAndLoadsThemAgain() throws Exception {
    var loads = new AtomicInteger();
    var second =
        new ModelSource(
            "second",
            () -> {
              loads.incrementAndGet();
              return Model.open(BardFiles.q8());
            });
    try (TestServer server =
        TestServer.start(
            options -> options.withKeepAlive(Duration.ofMillis(50)), first(), second)) {
      for (int round = 1; round <= 3; round++) {
        String longer = ASK.replace("2}", "300}");
        assertEquals(200, server.post("/v1/completions", longer).statusCode());
        assertEquals(round, loads.get());
        while (server.server().status("second").isPresent()) {
          Thread.sleep(5);
        }
      }
    }
  }

  /** The limit has room for one model, so that a second one displaces the first. */
  @Test
  void unloadsLeastRecentlyUsedModelForLackOfMemory() throws Exception {
    var second = new ModelSource("second", TestServer::parrot);
    try (TestServer server =
        TestServer.start(options -> options.withModelBytes(1), first(), second)) {
      assertTrue(server.server().status("first").isPresent());
      assertEquals(200, server.post("/v1/completions", ASK).statusCode());
      while (server.server().status("first").isPresent()) {
        Thread.sleep(5);
      }
      assertTrue(server.server().status("second").isPresent());
      String other = ASK.replace("second", "first");
      assertEquals(200, server.post("/v1/completions", other).statusCode());
      while (server.server().status("second").isPresent()) {
        Thread.sleep(5);
      }
    }
  }

  @Test
  void respondsWith503IfLoadingTakesTooLong() throws Exception {
    var mayLoad = new CountDownLatch(1);
    var second =
        new ModelSource(
            "second",
            () -> {
              try {
                mayLoad.await();
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              return TestServer.parrot();
            });
    try (TestServer server =
        TestServer.start(
            options -> options.withLimits(ServerLimits.DEFAULT.withLoadTime(Duration.ofMillis(20))),
            first(),
            second)) {
      var response = server.post("/v1/completions", ASK);
      assertEquals("503 unavailable - model 'second': still loading", TestServer.error(response));
      assertEquals("5", response.headers().firstValue("retry-after").orElse(""));
      assertEquals(
          200, server.post("/v1/completions", ASK.replace("second", "first")).statusCode());
      mayLoad.countDown();
      while (server.server().status("second").isEmpty()) {
        Thread.sleep(5);
      }
      assertEquals(200, server.post("/v1/completions", ASK).statusCode());
    }
  }

  @Test
  void retriesLoadingAfterFailure() {
    var loads = new AtomicInteger();
    var second =
        new ModelSource(
            "second",
            () -> {
              if (loads.incrementAndGet() == 1) {
                throw new InvalidInputException("file", "x", "is missing");
              }
              return TestServer.parrot();
            });
    try (TestServer server = TestServer.start(options -> options, first(), second)) {
      assertEquals(
          "500 internal_error - model 'second': cannot be loaded; see the server's log",
          TestServer.error(server.post("/v1/completions", ASK)));
      assertEquals(200, server.post("/v1/completions", ASK).statusCode());
    }
  }

  private static ModelSource broken() {
    return new ModelSource(
        "broken",
        () -> {
          throw new InvalidInputException("file", "x", "is missing");
        });
  }

  @Test
  void failsToStartIfTheFirstModelFailsToLoad() {
    var e =
        assertThrows(
            InvalidInputException.class, () -> TestServer.start(options -> options, broken()));
    assertEquals("file x: is missing", e.getMessage());
    var twice =
        assertThrows(
            InvalidInputException.class,
            () -> TestServer.start(options -> options, first(), first()));
    assertEquals("model first: duplicate name", twice.getMessage());
  }

  @Test
  void loadsNothingAfterClose() {
    var loads = new AtomicInteger();
    var offer =
        new ModelDefinition(
            "late",
            List.of(),
            metrics -> {
              loads.incrementAndGet();
              throw new IllegalStateException("is loaded");
            });
    var models =
        new ModelRegistry(List.of(offer), Duration.ofMinutes(1), null, 0, new RequestMetrics());
    models.close();
    var refused = assertThrows(ApiException.class, () -> models.acquire("late"));
    assertEquals(503, refused.status());
    assertEquals(0, loads.get());
  }

  /** Closes its model's executor when a test permits it, or fails to. */
  private static final class SlowToClose extends HeldExecutor {
    final CountDownLatch closing = new CountDownLatch(1);
    final CompletableFuture<Void> mayClose = new CompletableFuture<>();
    private final boolean fails;

    SlowToClose(boolean fails) {
      this.fails = fails;
    }

    @Override
    public void close() {
      closing.countDown();
      var _ = mayClose.join();
      super.close();
      if (fails) {
        throw new IllegalStateException("made to fail");
      }
    }

    ModelDefinition definition(String id) {
      return new ModelDefinition(
          id,
          List.of(),
          metrics ->
              ServedModel.open(
                  id,
                  () -> open(BardFiles.q8()),
                  null,
                  model -> Map.of(),
                  EngineOptions.DEFAULT,
                  metrics));
    }
  }

  private static ModelRegistry unloading(ModelDefinition... definitions) {
    Duration soon = Duration.ofMillis(1);
    return new ModelRegistry(
        List.of(definitions), Duration.ofMinutes(1), soon, 0, new RequestMetrics());
  }

  @Test
  void closeWaitsForModelsThatAreBeingUnloaded() throws Exception {
    var executor = new SlowToClose(false);
    ModelRegistry models = unloading(executor.definition("slow"));
    models.preload("slow");
    executor.closing.await();
    Thread closer = Thread.ofPlatform().start(models::close);
    while (closer.getState() != Thread.State.BLOCKED) {
      assertTrue(closer.isAlive());
      Thread.onSpinWait();
    }
    executor.mayClose.complete(null);
    closer.join();
  }

  @Test
  void failureToUnloadAffectsNoOtherModel() throws Exception {
    var failing = new SlowToClose(true);
    var other = new SlowToClose(false);
    failing.mayClose.complete(null);
    other.mayClose.complete(null);
    try (var models = unloading(failing.definition("failing"), other.definition("other"))) {
      models.preload("failing");
      failing.closing.await();
      models.preload("other");
      other.closing.await();
    }
  }

  @Test
  void closesModelIfDraftModelFailsToLoad() {
    List<Model> opened = new ArrayList<>();
    Function<ModelMetrics, ServedModel> loader =
        metrics ->
            ServedModel.open(
                "first",
                () -> {
                  opened.add(TestServer.parrot());
                  return opened.getFirst();
                },
                () -> {
                  throw new OutOfMemoryError("made to fail");
                },
                model -> Map.of(),
                EngineOptions.DEFAULT,
                metrics);
    var models =
        new ModelRegistry(
            List.of(new ModelDefinition("first", List.of(), loader)),
            Duration.ofMinutes(1),
            null,
            0,
            new RequestMetrics());
    try (models) {
      assertEquals(500, assertThrows(ApiException.class, () -> models.acquire("first")).status());
      assertThrows(
          IllegalStateException.class, () -> opened.getFirst().newSession(SessionOptions.DEFAULT));
    }
  }
}
