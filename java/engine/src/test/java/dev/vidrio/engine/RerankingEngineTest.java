package dev.vidrio.engine;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.RerankingEngine.Ranked;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Reranker;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.EncodedPair;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Compares scores with those of the model, for concurrent callers. */
@Timeout(60)
class RerankingEngineTest extends BardCase {
  private static final List<String> DOCUMENTS = List.of("The moon", "The sun", "Rain");

  @TempDir private Path directory;

  @Test
  void ranksForManyThreads() throws Exception {
    try (Model tiny = Model.open(TinyModel.writeReranker(directory.resolve("tiny.gguf")));
        var engine = new RerankingEngine(tiny);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Reranker reranker = Reranker.of(tiny);
      List<EncodedPair> pairs =
          DOCUMENTS.stream().map(document -> reranker.encode("sun", document)).toList();
      List<Double> expected = reranker.scores(pairs, SessionOptions.DEFAULT, done -> {});
      List<Future<RerankingEngine.Result>> results = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        results.add(threads.submit(() -> engine.rerank("sun", DOCUMENTS)));
      }
      for (Future<RerankingEngine.Result> result : results) {
        assertEquals(expected, result.get().scores());
        assertEquals(pairs.stream().mapToInt(EncodedPair::size).sum(), result.get().tokens());
      }
    }
  }

  @Test
  void exampleRuns() throws IOException {
    var out = new ByteArrayOutputStream();
    try (Model tiny = Model.open(TinyModel.writeReranker(directory.resolve("tiny.gguf")))) {
      EngineExamples.rerank(tiny, "sun", DOCUMENTS, new PrintStream(out, true, UTF_8));
    }
    assertEquals(3, out.toString(UTF_8).lines().count());
  }

  @Test
  void ordersByScoreThenIndex() {
    var result = new RerankingEngine.Result(List.of(0.25, 0.5, 0.25, 0.75), 10);
    assertEquals(
        List.of(new Ranked(3, 0.75), new Ranked(1, 0.5), new Ranked(0, 0.25)), result.best(3));
    assertEquals(4, result.best(99).size());
  }

  @Test
  void throwsErrorsToCaller() throws IOException {
    assertThrows(UnsupportedModelException.class, () -> new RerankingEngine(model));
    try (Model tiny = Model.open(TinyModel.writeReranker(directory.resolve("tiny.gguf")))) {
      var engine = new RerankingEngine(tiny);
      List<String> tooLong = List.of("word ".repeat(1000));
      assertThrows(InvalidInputException.class, () -> engine.rerank("a", tooLong));
      Thread.currentThread().interrupt();
      assertThrows(CancellationException.class, () -> engine.rerank("a", DOCUMENTS));
      assertTrue(Thread.interrupted());
      engine.close();
      assertThrows(EngineException.Closed.class, () -> engine.rerank("a", DOCUMENTS));
    }
  }
}
