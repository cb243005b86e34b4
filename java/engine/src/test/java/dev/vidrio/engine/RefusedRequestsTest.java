package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests requests that an engine rejects: invalid ones, and all while it is full. */
@Timeout(120)
class RefusedRequestsTest extends BardCase {
  @Test
  void rejectsInvalidRequests() throws InterruptedException {
    Engine engine = Engine.open(model, EngineOptions.DEFAULT.withContext(70).withSequences(2));
    assertRejected("prompt 0 tokens: must have 1 to 70 tokens", engine, new int[0]);
    assertRejected("prompt 71 tokens: must have 1 to 70 tokens", engine, new int[71]);
    int vocabulary = model.architecture().vocabulary();
    assertRejected(
        "token id %d: must be 0 to %d".formatted(vocabulary, vocabulary - 1), engine, vocabulary);
    var e =
        assertThrows(InvalidInputException.class, () -> engine.submit(request(model, 1, 1, 1), 3));
    assertEquals("n 3: must be 1 to 2", e.getMessage());
    assertNoMemoryIsHeld(engine);
    assertThrows(EngineException.Closed.class, () -> engine.submit(request(model, 1, 1, 1)));
  }

  private static void assertRejected(String message, Engine engine, int... prompt) {
    GenerationRequest request = GenerationRequest.builder(prompt).build();
    var e = assertThrows(InvalidInputException.class, () -> engine.submit(request));
    assertEquals(message, e.getMessage());
  }

  @Test
  void rejectsWhenQueueIsFull() throws InterruptedException {
    Engine engine = Engine.open(model, EngineOptions.DEFAULT.withSequences(1).withQueue(1));
    hold(0);
    TokenStream running = engine.submit(request(model, 2, 10, 900));
    assertThrows(EngineException.QueueFull.class, () -> engine.requireCapacity(2));
    engine.requireCapacity(1);
    TokenStream waiting = engine.submit(request(model, 2, 10, 900));
    assertThrows(EngineException.QueueFull.class, () -> engine.requireCapacity(1));
    var full =
        assertThrows(
            EngineException.QueueFull.class, () -> engine.submit(request(model, 2, 10, 900)));
    assertFalse(full.retryAfter().isZero());
    running.cancel();
    waiting.cancel();
    assertNoMemoryIsHeld(engine);
  }

  /** A request is prepared only after its reservation, which a failure releases. */
  @Test
  void rejectsBeforeCompilingTheGrammar() throws InterruptedException {
    Engine engine = Engine.open(model, EngineOptions.DEFAULT.withSequences(1).withQueue(0));
    GenerationOptions biased =
        GenerationOptions.DEFAULT.withSampling(
            SamplingOptions.builder().logitBias(Map.of(Integer.MAX_VALUE, 1f)).build());
    GenerationRequest wrong = request(model, 2, 10, 900).toBuilder().options(biased).build();
    for (int i = 0; i < 3; i++) {
      assertThrows(InvalidInputException.class, () -> engine.submit(wrong));
    }
    hold(0);
    TokenStream running = engine.submit(request(model, 2, 10, 900));
    assertThrows(EngineException.QueueFull.class, () -> engine.submit(wrong));
    running.cancel();
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void acceptsExactlyTheCapacityUnderConcurrency() throws Exception {
    Engine engine = Engine.open(model, EngineOptions.DEFAULT.withSequences(4).withQueue(6));
    List<Future<List<TokenStream>>> asked = new ArrayList<>();
    hold(0);
    try (ExecutorService threads = Executors.newFixedThreadPool(16)) {
      for (int i = 0; i < 64; i++) {
        int n = 1 + i % 2;
        asked.add(threads.submit(() -> engine.submit(request(model, 2, 10, 900), n)));
      }
    }
    List<TokenStream> taken = new ArrayList<>();
    for (Future<List<TokenStream>> each : asked) {
      if (each.state() == Future.State.SUCCESS) {
        taken.addAll(each.resultNow());
      } else {
        assertTrue(each.exceptionNow() instanceof EngineException.QueueFull);
      }
    }
    assertEquals(10, taken.size());
    taken.forEach(TokenStream::cancel);
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void rejectsRequestsThatWouldWaitTooLong() throws InterruptedException {
    EngineOptions impatient = EngineOptions.DEFAULT.withSequences(1).withMaxWait(Duration.ZERO);
    Engine engine = Engine.open(model, impatient);
    hold(0);
    TokenStream first = engine.submit(request(model, 2, 10, 900));
    var unknown =
        assertThrows(
            EngineException.QueueFull.class, () -> engine.submit(request(model, 2, 10, 1)));
    assertEquals(
        "wait: is unknown before the first answer, and all slots are in use", unknown.getMessage());
    assertFalse(unknown.retryAfter().isZero());
    first.cancel();
    first.result();
    release();
    engine.submit(request(model, 2, 10, 1)).result();
    hold(0);
    TokenStream running = engine.submit(request(model, 2, 10, 900));
    var full =
        assertThrows(
            EngineException.QueueFull.class, () -> engine.submit(request(model, 2, 10, 1)));
    assertTrue(
        String.valueOf(full.getMessage())
            .matches("wait of about \\d+\\.\\d s: must be at most 0\\.0 s"),
        full.getMessage());
    assertFalse(full.retryAfter().isZero());
    running.cancel();
    running.result();
    release();
    engine.submit(request(model, 2, 10, 1)).result();
    assertNoMemoryIsHeld(engine);
  }
}
