package dev.vidrio.server.model;

import dev.vidrio.server.metrics.ModelMetrics;
import java.util.List;

/**
 * A model that the server can load.
 *
 * @param id the name of the model in requests
 * @param adapters the names of its adapters in requests
 * @param loader loads the model with its adapters
 */
public record ModelDefinition(String id, List<String> adapters, Loader loader) {

  /** Loads a model. */
  @FunctionalInterface
  public interface Loader {
    /**
     * Loads a model. Long native calls block, so that this must not run on a virtual thread.
     *
     * @param metrics the meters of the model's engine
     */
    ServedModel load(ModelMetrics metrics);
  }
}
