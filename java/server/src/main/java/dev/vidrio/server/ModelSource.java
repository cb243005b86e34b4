package dev.vidrio.server;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.server.model.ModelDefinition;
import dev.vidrio.server.model.ServedModel;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A model that a server offers. The server opens it on first use, and again if it was {@linkplain
 * ServerOptions#keepAlive unloaded}.
 *
 * @param id the name of the model in requests; not empty
 * @param opener opens the model; the server closes it
 * @param adapters its adapters, loaded and unloaded with it
 * @param draft opens a smaller model with the same vocabulary for {@linkplain EngineOptions#draft
 *     speculative decoding}, loaded and unloaded with the model; null for none
 */
public record ModelSource(
    String id,
    Supplier<Model> opener,
    List<AdapterSource> adapters,
    @Nullable Supplier<Model> draft) {
  /**
   * Creates a source and copies the list.
   *
   * @throws InvalidInputException if the name is empty
   */
  public ModelSource {
    adapters = List.copyOf(adapters);
    requireName("model", id);
  }

  /** Creates a source without adapters and draft model. */
  public ModelSource(String id, Supplier<Model> opener) {
    this(id, opener, List.of(), null);
  }

  /** Returns a copy with other adapters. */
  public ModelSource withAdapters(List<AdapterSource> others) {
    return new ModelSource(id, opener, others, draft);
  }

  /** Returns a copy with another draft model. */
  public ModelSource withDraft(@Nullable Supplier<Model> other) {
    return new ModelSource(id, opener, adapters, other);
  }

  /** Rejects an empty name. */
  static void requireName(String field, String id) {
    if (id.isBlank()) {
      throw new InvalidInputException(field, id, "must not be empty");
    }
  }

  /** Returns whether the model has adapters or a draft model, so that it is loaded at start. */
  boolean hasParts() {
    return !adapters.isEmpty() || draft != null;
  }

  /** Returns the definition of the model, with an engine of these options. */
  ModelDefinition define(EngineOptions engine) {
    return new ModelDefinition(
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
