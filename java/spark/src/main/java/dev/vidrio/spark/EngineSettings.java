package dev.vidrio.spark;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import java.io.Serializable;

/**
 * The model that executors open, and how much room they have for it.
 *
 * @param model the file, at the same path on every worker, or by the name under which {@code
 *     SparkContext.addFile} has sent it there
 * @param sequences rows that an executor answers at a time, whatever its number of cores
 * @param context as in {@link EngineOptions#context}
 * @param cacheBytes as in {@link EngineOptions#cacheBytes}
 */
public record EngineSettings(String model, int sequences, int context, long cacheBytes)
    implements Serializable {

  private static final long serialVersionUID = 1L;

  /** Requests that may wait: each task asks for a few, and there are as many tasks as cores. */
  private static final int QUEUE = 1 << 20;

  /**
   * Checks the limits.
   *
   * @throws InvalidInputException when something is out of range
   */
  public EngineSettings {
    if (model.isEmpty()) {
      throw new InvalidInputException("model", model, "must be a file");
    }
    var _ =
        EngineOptions.DEFAULT
            .withSequences(sequences)
            .withContext(context)
            .withCacheBytes(cacheBytes);
  }

  /** A model with the room of {@link EngineOptions#DEFAULT}. */
  public static EngineSettings of(String model) {
    return new EngineSettings(model, EngineOptions.DEFAULT.sequences(), 0, 0);
  }

  /** The same with another number of rows at a time. */
  public EngineSettings withSequences(int count) {
    return new EngineSettings(model, count, context, cacheBytes);
  }

  /** The same with another context. */
  public EngineSettings withContext(int positions) {
    return new EngineSettings(model, sequences, positions, cacheBytes);
  }

  /** The same with another amount of memory for keys and values. */
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
