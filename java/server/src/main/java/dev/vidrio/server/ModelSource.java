package dev.vidrio.server;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.model.Adaptation;
import dev.vidrio.model.Model;
import dev.vidrio.server.model.ModelOffer;
import dev.vidrio.server.model.ServedModel;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A model that a server offers.
 *
 * @param id what requests call it
 * @param opener opens it, when it is asked for first and after it was unloaded; the server closes
 *     what it returns
 * @param adapters of it, each of which is loaded and unloaded with it
 */
public record ModelSource(String id, Supplier<Model> opener, List<AdapterSource> adapters) {
  /** Copies the list. */
  public ModelSource {
    adapters = List.copyOf(adapters);
  }

  /** A model without adapters. */
  public ModelSource(String id, Supplier<Model> opener) {
    this(id, opener, List.of());
  }

  /** What requests may ask for: this, run by engines with these options. */
  ModelOffer offer(EngineOptions engine) {
    return new ModelOffer(
        id,
        adapters.stream().map(AdapterSource::id).toList(),
        metrics -> ServedModel.open(id, opener, this::adaptations, engine, metrics));
  }

  private Map<String, Adaptation> adaptations(Model model) {
    Map<String, Adaptation> adaptations = new HashMap<>();
    adapters.forEach(each -> adaptations.put(each.id(), each.open(model)));
    return adaptations;
  }
}
