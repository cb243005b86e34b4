package dev.vidrio.server;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Adaptation;
import dev.vidrio.model.Model;
import dev.vidrio.server.model.ModelOffer;
import dev.vidrio.server.model.ServedModel;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A model that a server offers.
 *
 * @param id what requests call it; not empty
 * @param opener opens it, when it is asked for first and after it was unloaded; the server closes
 *     what it returns
 * @param adapters of it, each of which is loaded and unloaded with it
 * @param draft opens a smaller model of the same tokens, which guesses {@linkplain
 *     EngineOptions#draft draft tokens} and is loaded and unloaded with it; null for none
 */
public record ModelSource(
    String id,
    Supplier<Model> opener,
    List<AdapterSource> adapters,
    @Nullable Supplier<Model> draft) {
  /** Copies the list, and checks the name. */
  public ModelSource {
    adapters = List.copyOf(adapters);
    requireName("model", id);
  }

  /** A model alone. */
  public ModelSource(String id, Supplier<Model> opener) {
    this(id, opener, List.of(), null);
  }

  /** The same with other adapters. */
  public ModelSource withAdapters(List<AdapterSource> others) {
    return new ModelSource(id, opener, others, draft);
  }

  /** The same with another draft model. */
  public ModelSource withDraft(@Nullable Supplier<Model> other) {
    return new ModelSource(id, opener, adapters, other);
  }

  /** Checks that requests can ask for it by its name. */
  static void requireName(String field, String id) {
    if (id.isBlank()) {
      throw new InvalidInputException(field, id, "must have a name that is not empty");
    }
  }

  /** Whether something besides the model can fail to load, so that a server loads it at once. */
  boolean hasParts() {
    return !adapters.isEmpty() || draft != null;
  }

  /** What requests may ask for: this, run by engines with these options. */
  ModelOffer offer(EngineOptions engine) {
    return new ModelOffer(
        id,
        adapters.stream().map(AdapterSource::id).toList(),
        metrics -> ServedModel.open(id, opener, draft, this::adaptations, engine, metrics));
  }

  private Map<String, Adaptation> adaptations(Model model) {
    Map<String, Adaptation> adaptations = new HashMap<>();
    adapters.forEach(each -> adaptations.put(each.id(), each.open(model)));
    return adaptations;
  }
}
