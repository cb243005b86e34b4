package dev.vidrio.server.model;

import dev.vidrio.server.metrics.ModelMetrics;
import java.util.List;
import java.util.function.Function;

/**
 * A model that the server can load.
 *
 * @param id the name of the model in requests
 * @param adapters the names of its adapters in requests
 * @param loader loads the model with its adapters
 */
public record ModelDefinition(
    String id, List<String> adapters, Function<ModelMetrics, ServedModel> loader) {}
