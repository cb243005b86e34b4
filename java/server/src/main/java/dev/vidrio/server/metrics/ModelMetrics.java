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
 * @param engine of its engine, and of requests without an adapter
 * @param adapters of requests to each adapter, by its name
 */
public record ModelMetrics(EngineMetrics engine, Map<String, AnswerMetrics> adapters) {

  /** Counts what happens to a request for the name that it asked for, by the adapter it has. */
  public EngineListener listener(Map<String, Adaptation> loaded) {
    Map<@Nullable Adaptation, EngineListener> named = new HashMap<>();
    loaded.forEach((id, adaptation) -> named.put(adaptation, adapters.get(id)));
    return new EngineListener() {
      @Override
      public EngineListener forRequest(GenerationRequest request) {
        EngineListener ofAdapter = named.get(request.adaptation());
        return (ofAdapter == null ? engine : ofAdapter).forRequest(request);
      }

      // Before there is a request, only the model is known that it would have run on.
      @Override
      public void onFailed(Throwable reason) {
        engine.onFailed(reason);
      }
    };
  }
}
