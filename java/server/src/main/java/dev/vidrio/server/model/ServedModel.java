package dev.vidrio.server.model;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.micrometer.EngineMetrics;
import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.server.metrics.ModelMetrics;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A loaded model with its engine. */
public final class ServedModel implements AutoCloseable {
  private final String id;
  private final Model model;
  private final @Nullable Model draft;
  private final Engine engine;
  private final Map<String, Adaptation> adaptations;
  private final EngineMetrics metrics;
  private final Optional<ChatFormat> chat;

  private ServedModel(
      String id,
      Model model,
      @Nullable Model draft,
      Engine engine,
      Map<String, Adaptation> adaptations,
      EngineMetrics metrics) {
    this.id = id;
    this.model = model;
    this.draft = draft;
    this.engine = engine;
    this.adaptations = adaptations;
    this.metrics = metrics;
    this.chat = model.chatFormat();
    metrics.watch(engine);
  }

  /**
   * Loads a model. Long native calls block, so that this must not run on a virtual thread.
   *
   * @param opener opens the model
   * @param draftOpener opens the draft model; null for none
   * @param adapters opens the adapters of the model, by name; the model closes them
   */
  public static ServedModel open(
      String id,
      Supplier<Model> opener,
      @Nullable Supplier<Model> draftOpener,
      Function<Model, Map<String, Adaptation>> adapters,
      EngineOptions options,
      ModelMetrics metrics) {
    Model model = opener.get();
    Model draft = null;
    try {
      draft = draftOpener == null ? null : draftOpener.get();
      Map<String, Adaptation> adaptations = adapters.apply(model);
      Engine engine =
          Engine.open(
              model,
              options
                  .withDraft(draft)
                  .withAdapters(adaptations.size())
                  .withListener(metrics.listener(adaptations)));
      try {
        return new ServedModel(id, model, draft, engine, adaptations, metrics.engine());
      } catch (RuntimeException | Error e) {
        engine.close();
        throw e;
      }
    } catch (RuntimeException | Error e) {
      closeAll(model, draft);
      throw e;
    }
  }

  /** Returns the name of the model in requests. */
  public String id() {
    return id;
  }

  /** Returns the model. */
  public Model model() {
    return model;
  }

  /** Returns the adapter of a name, or null for the model's own name. */
  @Nullable Adaptation adaptation(String name) {
    return adaptations.get(name);
  }

  /** Returns the engine. */
  public Engine engine() {
    return engine;
  }

  /** Returns the model's tokenizer. */
  public Tokenizer tokenizer() {
    return model.tokenizer();
  }

  /** Returns whether the model has a chat template. */
  public boolean isChat() {
    return chat.isPresent();
  }

  /** Returns whether requests may edit activations. */
  public boolean isSteerable() {
    return !engine.options().lens().editable().isBlank();
  }

  /**
   * Returns the chat format.
   *
   * @throws InvalidInputException if the model has no chat template
   */
  public ChatFormat chat() {
    return chat.orElseThrow(
        () -> new InvalidInputException("model", id, "has no chat template; use /v1/completions"));
  }

  /** Frees all memory. Native calls may block, so that this must not run on a virtual thread. */
  @Override
  public void close() {
    metrics.watch(null);
    engine.close();
    closeAll(model, draft);
  }

  private static void closeAll(Model model, @Nullable Model draft) {
    if (draft != null) {
      draft.close();
    }
    model.close();
  }
}
