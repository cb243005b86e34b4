package dev.vidrio.engine;

import static dev.vidrio.engine.BardCase.request;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.testfiles.FailingExecutor;
import dev.vidrio.model.testfiles.HeldExecutor;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests closing engines, and calls from listeners and after the end. */
@Timeout(30)
class EngineCloseTest {
  /** A listener that throws must not block readers. */
  @Test
  void throwingListenerDoesNotAffectRequests() throws InterruptedException {
    var listener =
        new EngineListener() {
          @Override
          public void onStep(int tokens, int sequences, Duration duration) {
            throw new IllegalStateException("made to fail");
          }

          @Override
          public void onTokens(boolean first, int count, Duration waited) {
            throw new IllegalStateException("made to fail");
          }

          @Override
          public void onFinished(Completion completion) {
            throw new IllegalStateException("made to fail");
          }
        };
    try (Model model = Model.open(BardFiles.q8());
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withListener(listener))) {
      for (TokenStream stream : engine.submit(request(model, 1, 10, 20), 3)) {
        assertEquals(20, stream.result().result().tokens().size());
      }
      assertTrue(engine.drain(ChronoUnit.FOREVER.getDuration()));
      assertEquals(0, engine.status().usedBlocks());
    }
  }

  @Test
  void failsRequestsWhenSchedulingThreadDies() {
    var executor = new FailingExecutor();
    executor.onStepAside =
        () -> {
          throw new OutOfMemoryError("made to fail");
        };
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> executor));
        Engine engine = Engine.open(model)) {
      GenerationRequest request = request(model, 1, 10, 5);
      assertThrows(EngineException.class, () -> engine.submit(request).result());
    }
  }

  /** Running and later requests fail with a message that names the closed model. */
  @Test
  void namesModelThatWasClosedFirst() throws InterruptedException {
    var uncaught = new AtomicReference<Throwable>();
    Thread.setDefaultUncaughtExceptionHandler((thread, failure) -> uncaught.set(failure));
    try {
      for (int requests : new int[] {0, 1}) {
        var steps = new HeldExecutor();
        Model model = steps.open(BardFiles.q8());
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withCacheBytes(1 << 24));
        if (requests > 0) {
          steps.hold(1);
          TokenStream running = engine.submit(request(model, 1, 10, 900));
          running.iterator().next();
          model.close();
          steps.release();
          assertNamed(assertThrows(EngineException.class, running::result));
        } else {
          model.close();
        }
        assertNamed(
            assertThrows(
                EngineException.class, () -> engine.submit(request(model, 1, 10, 1)).result()));
        engine.close();
      }
      assertNull(uncaught.get());
    } finally {
      Thread.setDefaultUncaughtExceptionHandler(null);
    }
  }

  /** A model may be closed at any point of a step, which then fails with an arbitrary error. */
  @Test
  void failuresDuringModelCloseNameTheModel() {
    var executor = new FailingExecutor();
    var submitted = new CountDownLatch(1);
    Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> executor));
    executor.onStepAside =
        () -> {
          awaitQuietly(submitted);
          model.close();
          throw new IllegalStateException("Already closed");
        };
    try (Engine engine = Engine.open(model)) {
      TokenStream waiting = engine.submit(request(model, 1, 10, 5));
      submitted.countDown();
      assertNamed(assertThrows(EngineException.class, waiting::result));
    }
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void assertNamed(EngineException failure) {
    String message = String.valueOf(failure.getMessage());
    assertTrue(message.contains("bard"), message);
  }

  @Test
  void rejectsNullReaders() {
    try (Model model = Model.open(BardFiles.q8());
        Engine engine = Engine.open(model)) {
      TokenStream stream = engine.submit(request(model, 1, 10, 5));
      assertThrows(NullPointerException.class, () -> stream.subscribe(nobody()));
      assertThrows(NullPointerException.class, () -> stream.onToken(nobody()));
      assertEquals(5, stream.result().result().tokens().size());
    }
  }

  @SuppressWarnings({"NullAway", "TypeParameterUnusedInFormals"}) // The exception is expected.
  private static <T> T nobody() {
    return null;
  }

  @Test
  void closesFromSchedulingThread() throws InterruptedException {
    var own = new AtomicReference<Engine>();
    var closed = new CountDownLatch(1);
    var listener =
        new EngineListener() {
          @Override
          public void onFinished(Completion completion) {
            Objects.requireNonNull(own.get()).close();
            closed.countDown();
          }
        };
    var steps = new HeldExecutor();
    try (Model model = steps.open(BardFiles.q8());
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withListener(listener))) {
      own.set(engine);
      steps.hold(0);
      TokenStream running = engine.submit(request(model, 2, 10, 900));
      TokenStream first = engine.submit(request(model, 1, 10, 1));
      steps.release();
      assertEquals(1, first.result().result().tokens().size());
      closed.await();
      assertEquals(FinishReason.CANCELED, running.result().result().finish());
      assertThrows(
          EngineException.Closed.class, () -> engine.submit(request(model, 1, 10, 1)).result());
    }
  }

  @Test
  void blockedCompletionStagesDoNotDelayOthers() throws Exception {
    var executor = new FailingExecutor();
    try (Model model = executor.open(BardFiles.q8());
        Engine engine = Engine.open(model)) {
      TokenStream first = engine.submit(request(model, 1, 10, 20));
      CompletableFuture<Integer> next =
          first
              .completion()
              .thenApply(
                  end -> engine.submit(request(model, 2, 10, 5)).result().result().tokens().size());
      assertEquals(5, next.get());
      executor.hold(0);
      CompletableFuture<Boolean> failed =
          engine
              .submit(request(model, 1, 10, 900))
              .completion()
              .handle((end, failure) -> failure != null && Thread.currentThread().isVirtual());
      executor.stepsUntilFailure.set(0);
      executor.release();
      assertTrue(failed.get());
    }
  }
}
