package dev.vidrio.server.metrics;

import dev.vidrio.engine.EngineListener;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.micrometer.AnswerMetrics;
import dev.vidrio.micrometer.EngineMetrics;
import dev.vidrio.model.adapter.Adaptation;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The meters of a model.
 *
 * @param engine the meters of the engine and of requests to the base model
 * @param adapters the meters of requests to each adapter, by name
 */
public record ModelMetrics(EngineMetrics engine, Map<String, AnswerMetrics> adapters) {

  /** Returns a listener that counts each request under the model or adapter that it asked for. */
  public EngineListener listener(Map<String, Adaptation> loaded) {
    Map<@Nullable Adaptation, EngineListener> named = new HashMap<>();
    loaded.forEach((id, adaptation) -> named.put(adaptation, adapters.get(id)));
    return new EngineListener() {
      @Override
      public EngineListener forRequest(GenerationRequest request) {
        EngineListener ofAdapter = named.get(request.adaptation());
        return (ofAdapter == null ? engine : ofAdapter).forRequest(request);
      }

      // Without a request, only the base model is known.
      @Override
      public void onFailed(Throwable reason) {
        engine.onFailed(reason);
      }
    };
  }
}
