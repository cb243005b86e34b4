package dev.vidrio.server.model;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.micrometer.EngineMetrics;
import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.state.StateKey;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.metrics.ModelMetrics;
import dev.vidrio.tokenizer.FillInMiddle;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A loaded model with its engine.
 *
 * @param id the name of the model in requests
 * @param model the model
 * @param draft the draft model; null for none
 * @param engine the engine
 * @param adaptations the adapters by name
 * @param metrics the meters of the engine
 * @param format the chat format; empty if the model has no chat template
 * @param summary describes the model's file
 * @param kept work of requests of the lens that later ones can use
 */
public record ServedModel(
    String id,
    Model model,
    @Nullable Model draft,
    Engine engine,
    Map<String, Adaptation> adaptations,
    EngineMetrics metrics,
    Optional<ChatFormat> format,
    ModelSummary summary,
    KeptWork kept)
    implements AutoCloseable {
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
    Engine engine = null;
    try {
      draft = draftOpener == null ? null : draftOpener.get();
      Map<String, Adaptation> adaptations = adapters.apply(model);
      engine =
          Engine.open(
              model,
              options
                  .withDraft(draft)
                  .withAdapters(adaptations.size())
                  .withListener(metrics.listener(adaptations)));
      Optional<ChatFormat> format = model.chatFormat();
      metrics.engine().watch(engine);
      return new ServedModel(
          id,
          model,
          draft,
          engine,
          adaptations,
          metrics.engine(),
          format,
          ModelSummary.of(model.gguf()),
          new KeptWork());
    } catch (RuntimeException | Error e) {
      if (engine != null) {
        engine.close();
      }
      closeAll(model, draft);
      throw e;
    }
  }

  /** Returns the adapter of a name, or null for the model's own name. */
  @Nullable Adaptation adaptation(String name) {
    return adaptations.get(name);
  }

  /**
   * Returns what determines the bits of answers besides the model and the request: equal
   * fingerprints give equal answers to equal requests with a seed, on any machine.
   *
   * @return such as {@code bits-1-int8-f16}: the version of docs/numerics.md, the arithmetic of
   *     products and the type of the key-value cache
   */
  public String fingerprint() {
    EngineOptions options = engine.options();
    return "bits-%d-%s-%s"
        .formatted(
            StateKey.ARITHMETIC,
            options.arithmetic().label(),
            options.kvType().name().toLowerCase(Locale.ROOT));
  }

  /** Returns the bytes of the weights, as in their files, and of the cache. */
  long bytes() {
    long weights = model.gguf().size() + (draft == null ? 0 : draft.gguf().size());
    return weights + engine.options().cacheBytes();
  }

  /** Returns the model's tokenizer. */
  public Tokenizer tokenizer() {
    return model.tokenizer();
  }

  /**
   * Checks that the model generates text.
   *
   * @throws ApiException 400 if it is an encoder
   */
  public void requireDecoder() {
    if (model.architecture().isEncoder()) {
      throw ApiException.unsupported(
          "model", "'" + id + "'", "is an encoder; use /v1/embeddings or /v1/rerank");
    }
  }

  /** Returns whether the model has a chat template. */
  public boolean isChat() {
    return format.isPresent();
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
    return format.orElseThrow(
        () -> new InvalidInputException("model", id, "has no chat template; use /v1/completions"));
  }

  /**
   * Returns the format of prompts for fill-in-the-middle.
   *
   * @param field the field that asks for it, for the error
   * @throws ApiException 400 if the vocabulary has no tokens for it
   */
  public FillInMiddle fillInMiddle(String field) {
    return FillInMiddle.of(tokenizer())
        .orElseThrow(
            () -> ApiException.unsupported(field, FillInMiddle.notSupported("model '" + id + "'")));
  }

  /** Frees all memory. Native calls may block, so that this must not run on a virtual thread. */
  @Override
  public void close() {
    kept.close();
    metrics.unwatch(engine);
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
