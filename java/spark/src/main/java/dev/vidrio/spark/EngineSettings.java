package dev.vidrio.spark;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import java.io.Serializable;

/**
 * The model and engine of each executor. Executors open one engine for equal settings.
 *
 * @param model the model file: a path that exists on every worker, or the name of a file that was
 *     distributed by {@code SparkContext.addFile}
 * @param sequences the number of rows that an executor processes at a time, independent of its
 *     cores
 * @param context as in {@link EngineOptions#context}
 * @param cacheBytes as in {@link EngineOptions#cacheBytes}
 * @see TextGeneration
 */
public record EngineSettings(String model, int sequences, int context, long cacheBytes)
    implements Serializable {

  private static final long serialVersionUID = 1L;

  /** Maximum waiting requests: large enough for the tasks of all cores. */
  private static final int QUEUE = 1 << 20;

  /**
   * Creates settings.
   *
   * @throws InvalidInputException if a value is out of range
   */
  public EngineSettings {
    if (model.isEmpty()) {
      throw new InvalidInputException("model", model, "must not be empty");
    }
    var _ =
        EngineOptions.DEFAULT
            .withSequences(sequences)
            .withContext(context)
            .withCacheBytes(cacheBytes);
  }

  /** Returns settings of a model with the limits of {@link EngineOptions#DEFAULT}. */
  public static EngineSettings of(String model) {
    return new EngineSettings(model, EngineOptions.DEFAULT.sequences(), 0, 0);
  }

  /** Returns a copy with another number of rows at a time. */
  public EngineSettings withSequences(int count) {
    return new EngineSettings(model, count, context, cacheBytes);
  }

  /** Returns a copy with another context length. */
  public EngineSettings withContext(int positions) {
    return new EngineSettings(model, sequences, positions, cacheBytes);
  }

  /** Returns a copy with another size of the KV cache. */
  public EngineSettings withCacheBytes(long bytes) {
    return new EngineSettings(model, sequences, context, bytes);
  }

  EngineOptions options() {
    return EngineOptions.DEFAULT
        .withSequences(sequences)
        .withQueue(QUEUE)
        .withContext(context)
        .withCacheBytes(cacheBytes);
  }
}
