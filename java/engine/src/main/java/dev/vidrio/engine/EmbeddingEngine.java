package dev.vidrio.engine;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * Embeds texts for any number of threads, one call after the other on a thread of its own, since a
 * virtual thread in native code would pin its carrier. The model belongs to the caller and may
 * serve an {@link Engine} at the same time; their steps take turns.
 */
public final class EmbeddingEngine implements AutoCloseable {
  private final Model model;
  private final Pooling pooling;
  private final boolean normalize;
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("vidrio-embeddings").factory());

  /**
   * @param pooling how the tokens' vectors become one
   * @param normalize whether vectors are divided by their Euclidean length
   */
  public EmbeddingEngine(Model model, Pooling pooling, boolean normalize) {
    this.model = model;
    this.pooling = pooling;
    this.normalize = normalize;
  }

  /**
   * Vectors of texts.
   *
   * @param vectors one [d] for each text
   * @param tokens of all texts together
   */
  public record Result(List<float[]> vectors, int tokens) {}

  /** The model. */
  public Model model() {
    return model;
  }

  /** The length d of a vector. */
  public int dimension() {
    return model.architecture().width();
  }

  /**
   * Embeds texts.
   *
   * @throws InvalidInputException when a text has no tokens, or more than the model was made for
   * @throws EngineException.Closed when this is closed
   * @throws CancellationException when the caller is interrupted
   */
  public Result embed(List<String> texts) {
    List<int[]> tokens = texts.stream().map(text -> model.tokenizer().encode(text)).toList();
    Future<List<float[]>> vectors = submit(tokens);
    try {
      return new Result(vectors.get(), tokens.stream().mapToInt(ids -> ids.length).sum());
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      vectors.cancel(false);
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while waiting for embeddings");
    }
  }

  private Future<List<float[]>> submit(List<int[]> tokens) {
    try {
      return thread.submit(() -> Embeddings.of(model, tokens, pooling, normalize, fraction -> {}));
    } catch (RejectedExecutionException e) {
      throw new EngineException.Closed(model.name());
    }
  }

  /** Ends the thread, once the calls that wait have their vectors. */
  @Override
  public void close() {
    thread.shutdown();
    try {
      var _ = thread.awaitTermination(1, TimeUnit.MINUTES);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
