package dev.vidrio.server.model;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.micrometer.EngineMetrics;
import dev.vidrio.model.Adaptation;
import dev.vidrio.model.ChatFormat;
import dev.vidrio.model.Model;
import dev.vidrio.server.metrics.ModelMetrics;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A model in memory, and the engine that runs it. */
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
    this.chat = ChatFormat.of(model);
    metrics.watch(engine);
  }

  /**
   * Loads a model. Calls native code at length, so that it is not for virtual threads.
   *
   * @param opener opens it
   * @param drafter opens a model that guesses; null for none
   * @param adapters opens those of a model, by their names; the model closes them
   */
  public static ServedModel open(
      String id,
      Supplier<Model> opener,
      @Nullable Supplier<Model> drafter,
      Function<Model, Map<String, Adaptation>> adapters,
      EngineOptions options,
      ModelMetrics metrics) {
    Model model = opener.get();
    Model draft = null;
    try {
      draft = drafter == null ? null : drafter.get();
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

  public String id() {
    return id;
  }

  public Model model() {
    return model;
  }

  /** What an adapter's name stands for; null for the name of the model itself. */
  @Nullable Adaptation adaptation(String name) {
    return adaptations.get(name);
  }

  public Engine engine() {
    return engine;
  }

  public Tokenizer tokenizer() {
    return model.tokenizer();
  }

  /** Whether it is made for chat. */
  public boolean isChat() {
    return chat.isPresent();
  }

  /** Whether requests may change activations. */
  public boolean isSteerable() {
    return !engine.options().lens().editable().isBlank();
  }

  /** How it wants conversations. */
  public ChatFormat chat() {
    return chat.orElseThrow(
        () ->
            new InvalidInputException(
                "model", id, "has no chat template: it is not made for chat"));
  }

  /** Frees all memory. Calls native code, so that it is not for virtual threads. */
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
