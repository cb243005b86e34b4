package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Compares embeddings with those of the model, for concurrent callers. */
@Timeout(60)
class EmbeddingEngineTest extends BardCase {
  private static final List<String> TEXTS = List.of("To be, or not to be", "Enter Hamlet");

  @Test
  void embedsForManyThreads() throws Exception {
    List<int[]> tokens = TEXTS.stream().map(text -> model.tokenizer().encode(text)).toList();
    List<float[]> expected = Embeddings.of(model, tokens, Pooling.MEAN, true, done -> {});
    try (var engine = new EmbeddingEngine(model, Pooling.MEAN, true);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<EmbeddingEngine.Result>> results = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        results.add(threads.submit(() -> engine.embed(TEXTS)));
      }
      for (Future<EmbeddingEngine.Result> result : results) {
        assertArrayEquals(expected.get(0), result.get().vectors().get(0));
        assertArrayEquals(expected.get(1), result.get().vectors().get(1));
        assertEquals(tokens.get(0).length + tokens.get(1).length, result.get().tokens());
      }
      assertEquals(expected.get(0).length, engine.dimension());
    }
  }

  @Test
  void throwsInvalidInputToCaller() {
    var engine = new EmbeddingEngine(model, Pooling.LAST, false);
    List<String> tooLong = List.of("word ".repeat(model.architecture().contextLength()));
    assertThrows(InvalidInputException.class, () -> engine.embed(tooLong));
    Thread.currentThread().interrupt();
    assertThrows(CancellationException.class, () -> engine.embed(TEXTS));
    assertTrue(Thread.interrupted());
    engine.close();
    assertThrows(EngineException.Closed.class, () -> engine.embed(TEXTS));
  }
}
