package dev.vidrio.engine;

import static dev.vidrio.engine.BardCase.request;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.testfiles.FailingExecutor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Failed and abandoned requests must not affect others or leak memory. */
@Timeout(300)
class EngineFaultTest {
  /** Number of abandoned requests; 100 000 take half a minute on two cores. */
  private static final int CHURN =
      Integer.getInteger(
          "vidrio.churn", Boolean.getBoolean("vidrio.test.exhaustive") ? 10_000 : 1000);

  @Test
  void failedStepFailsOnlyItsRequests() throws InterruptedException {
    var executor = new FailingExecutor();
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> executor));
        Engine engine = Engine.open(model)) {
      List<Integer> expected = engine.submit(request(model, 1, 100, 20)).result().result().tokens();
      for (int steps = 0; steps < 25; steps++) {
        executor.stepsUntilFailure.set(steps);
        TokenStream failing = engine.submit(request(model, 1, 100, 40));
        assertThrows(EngineException.StepFailed.class, failing::result);
        assertThrows(EngineException.StepFailed.class, () -> failing.forEach(token -> {}));
        assertEquals(
            expected, engine.submit(request(model, 1, 100, 20)).result().result().tokens());
      }
      assertTrue(engine.drain(Duration.ofSeconds(60)));
      assertEquals(0, engine.status().usedBlocks());
    }
  }

  @Test
  void failedStepFailsBeamSearch() throws InterruptedException {
    var executor = new FailingExecutor();
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> executor));
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withStepTokens(32))) {
      GenerationRequest search =
          request(model, 1, 100, 20).toBuilder().beams(BeamOptions.of(4)).build();
      List<Integer> expected = engine.submit(search).result().result().tokens();
      for (int steps = 0; steps < 15; steps += 2) {
        executor.stepsUntilFailure.set(steps);
        for (TokenStream failing : engine.submit(search, 3)) {
          assertThrows(EngineException.StepFailed.class, failing::result);
        }
        assertEquals(expected, engine.submit(search).result().result().tokens());
      }
      assertTrue(engine.drain(Duration.ofSeconds(60)));
      assertEquals(0, engine.status().usedBlocks());
    }
  }

  /** A draft model that was closed too early fails all its steps. */
  @Test
  void failedDraftModelFailsRequests() throws InterruptedException {
    Model draft = Model.open(BardFiles.q8());
    try (Model model = Model.open(BardFiles.q8());
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withDraft(draft))) {
      GenerationRequest guessing = request(model, 1, 1, 20).toBuilder().draftTokens(4).build();
      GenerationRequest plain = guessing.toBuilder().draftTokens(0).build();
      assertEquals(20, engine.submit(plain).result().result().tokens().size());
      draft.close();
      TokenStream failing = engine.submit(guessing);
      assertThrows(EngineException.StepFailed.class, failing::result);
      assertEquals(20, engine.submit(plain).result().result().tokens().size());
      assertTrue(engine.drain(Duration.ofSeconds(20)));
      assertEquals(0, engine.status().usedBlocks());
    }
  }

  @Test
  void canceledWatchedRequestWithoutMemoryFailsAlone() {
    var executor = new FailingExecutor();
    var options = EngineOptions.DEFAULT.withLens(new LensOptions("*hook_resid_post", "", 1));
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> executor));
        Engine engine = Engine.open(model, options)) {
      executor.hold(1);
      TokenStream watched =
          engine.submit(request(model, 2, 10, 900).toBuilder().watched(true).build());
      assertTrue(watched.iterator().hasNext());
      TokenStream other = engine.submit(request(model, 1, 10, 200));
      executor.full = true;
      watched.cancel();
      executor.release();
      assertThrows(EngineException.StepFailed.class, watched::result);
      assertEquals(200, other.result().result().tokens().size());
    }
  }

  @Test
  void failedOpenFreesMemory() {
    var executor = new FailingExecutor();
    var options = EngineOptions.DEFAULT.withLens(new LensOptions("", "blocks.99.hook_z", 0));
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> executor))) {
      executor.allocated.clear();
      assertThrows(InvalidInputException.class, () -> Engine.open(model, options));
      assertFalse(executor.allocated.isEmpty());
      assertTrue(executor.allocated.stream().noneMatch(memory -> memory.scope().isAlive()));
    }
  }

  @Test
  void refusedThread_freesMemory() {
    var executor = new FailingExecutor();
    ThreadFactory refusing =
        task -> {
          throw new OutOfMemoryError("unable to create native thread");
        };
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> executor))) {
      executor.allocated.clear();
      assertThrows(
          OutOfMemoryError.class, () -> Engine.open(model, EngineOptions.DEFAULT, refusing));
      assertFalse(executor.allocated.isEmpty());
      assertTrue(executor.allocated.stream().noneMatch(memory -> memory.scope().isAlive()));
    }
  }

  /** Readers cancel, time out, do not read, are interrupted, or throw. */
  @Test
  void abandonedRequestsFreeTheirMemory() throws Exception {
    try (Model model = Model.open(BardFiles.q8())) {
      int threadsBefore = engineThreads();
      try (Engine engine =
          Engine.open(model, EngineOptions.DEFAULT.withSequences(16).withQueue(CHURN))) {
        try (var readers = Executors.newFixedThreadPool(24, Thread.ofVirtual().factory())) {
          List<Future<?>> all = new ArrayList<>();
          for (int i = 0; i < CHURN; i++) {
            int seed = i;
            all.add(readers.submit(() -> giveUp(model, engine, new Random(seed))));
          }
          for (Future<?> each : all) {
            each.get();
          }
        }
        assertTrue(engine.drain(Duration.ofSeconds(60)));
        EngineStatus status = engine.status();
        assertEquals(0, status.running() + status.waiting());
        assertEquals(0, status.usedBlocks());
      }
      assertEquals(threadsBefore, engineThreads());
    }
  }

  private static int engineThreads() {
    return (int)
        Thread.getAllStackTraces().keySet().stream()
            .filter(thread -> thread.getName().startsWith("vidrio-engine"))
            .count();
  }

  private static void giveUp(Model model, Engine engine, Random random) {
    GenerationRequest request =
        request(model, random.nextInt(5), 1 + random.nextInt(150), 1 + random.nextInt(20));
    int kind = random.nextInt(6);
    if (kind == 0) {
      request =
          request.toBuilder().timeout(Duration.ofNanos(1 + random.nextInt(5_000_000))).build();
    }
    int answers = 1 + random.nextInt(3);
    if (random.nextInt(8) == 0) {
      request = request.toBuilder().beams(BeamOptions.of(answers + random.nextInt(3))).build();
    }
    List<TokenStream> streams = engine.submit(request, answers);
    for (TokenStream stream : streams) {
      giveUp(stream, kind, random.nextInt(10));
    }
  }

  private static void giveUp(TokenStream stream, int kind, int after) {
    switch (kind) {
      case 1 -> stream.cancel();
      case 2 -> {
        int read = 0;
        for (GeneratedToken token : stream) {
          if (read++ == after) {
            stream.close();
          }
          assertTrue(token.id() >= -1);
        }
      }
      case 3 -> {
        CompletableFuture<Completion> end =
            stream.onToken(
                token -> {
                  throw new IllegalStateException("the reader fails");
                });
        assertThrows(ExecutionException.class, end::get);
      }
      case 4 -> stream.subscribe(new Impatient(after));
      default -> {
        FinishReason finish = stream.result().result().finish();
        assertTrue(finish == FinishReason.LENGTH || finish == FinishReason.TIMEOUT);
      }
    }
  }

  /** A subscriber that cancels after some tokens. */
  private static final class Impatient implements Flow.Subscriber<GeneratedToken> {
    private int left;
    private Flow.@org.jspecify.annotations.Nullable Subscription subscription;

    Impatient(int tokens) {
      this.left = tokens;
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
      subscription = given;
      given.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(GeneratedToken token) {
      if (left-- == 0 && subscription != null) {
        subscription.cancel();
      }
    }

    @Override
    public void onError(Throwable e) {
      throw new AssertionError(e);
    }

    @Override
    public void onComplete() {
      assertFalse(left < -1);
    }
  }

  /** A canceled request takes part in no further step. */
  @Test
  void cancelFreesMemoryWithinOneStep() throws InterruptedException {
    List<Integer> sequences = new ArrayList<>();
    var listener =
        new EngineListener() {
          @Override
          public void onStep(int tokens, int count, Duration duration) {
            sequences.add(count);
          }
        };
    try (Model model = Model.open(BardFiles.q8());
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withListener(listener))) {
      TokenStream stream = engine.submit(request(model, 1, 10, 900));
      long read = 0;
      for (GeneratedToken token : stream) {
        read += token.id() >= 0 ? 1 : 0;
        stream.cancel();
      }
      long generated = stream.result().result().tokens().size();
      assertTrue(engine.drain(Duration.ofSeconds(60)));
      // Tokens generated before the cancellation may be read after it; no step runs after it.
      assertTrue(read <= generated && sequences.size() <= generated + 1);
      assertEquals(0, engine.status().usedBlocks());
    }
  }

  @Test
  void rejectsStreamIntervalOutOfRange() {
    Duration longest = Duration.ofMinutes(1);
    EngineOptions options = EngineOptions.DEFAULT.withStreamInterval(longest);
    assertEquals(longest, options.streamInterval());
    assertThrows(
        InvalidInputException.class, () -> options.withStreamInterval(longest.plusNanos(1)));
  }
}
