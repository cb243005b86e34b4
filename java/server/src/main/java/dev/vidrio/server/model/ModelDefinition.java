package dev.vidrio.server.model;

import dev.vidrio.server.metrics.ModelMetrics;
import java.util.List;

/**
 * A model that requests may ask for.
 *
 * @param id what they call it
 * @param adapters what they call its adapters
 * @param loader loads it with these
 */
public record ModelDefinition(String id, List<String> adapters, Loader loader) {

  /** Loads a model. */
  @FunctionalInterface
  public interface Loader {
    /**
     * Calls native code at length, so that it is not for virtual threads.
     *
     * @param metrics of the model, to be told what its engine does
     */
    ServedModel load(ModelMetrics metrics);
  }
}
