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
 * Embeds texts for any number of threads. Calls run one after the other on a dedicated thread,
 * since a virtual thread in native code would pin its carrier. The model belongs to the caller and
 * may serve an {@link Engine} at the same time; their steps alternate. Thread-safe.
 */
public final class EmbeddingEngine implements AutoCloseable {
  private final Model model;
  private final Pooling pooling;
  private final boolean normalize;
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("vidrio-embeddings").factory());

  /**
   * Starts the thread.
   *
   * @param pooling how the vectors of the tokens are combined
   * @param normalize if true, vectors are divided by their Euclidean length
   */
  public EmbeddingEngine(Model model, Pooling pooling, boolean normalize) {
    this.model = model;
    this.pooling = pooling;
    this.normalize = normalize;
  }

  /**
   * Embeddings of texts.
   *
   * @param vectors one vector [d] for each text
   * @param tokens the total number of tokens
   */
  public record Result(List<float[]> vectors, int tokens) {}

  /** Returns the model. */
  public Model model() {
    return model;
  }

  /** Returns the length d of a vector. */
  public int dimension() {
    return model.architecture().width();
  }

  /** Returns whether vectors have length 1. */
  public boolean isNormalizing() {
    return normalize;
  }

  /**
   * Embeds texts.
   *
   * @throws InvalidInputException if a text has no tokens or exceeds the model's context length
   * @throws EngineException.Closed if this engine is closed
   * @throws CancellationException if the calling thread is interrupted
   */
  public Result embed(List<String> texts) {
    List<int[]> tokens = texts.stream().map(text -> model.tokenizer().encode(text)).toList();
    Future<List<float[]>> vectors;
    try {
      vectors =
          thread.submit(() -> Embeddings.of(model, tokens, pooling, normalize, fraction -> {}));
    } catch (RejectedExecutionException e) {
      throw new EngineException.Closed(model.name());
    }
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

  /** Ends the thread, after the calls that are waiting have been answered. */
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
