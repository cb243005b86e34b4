package dev.vidrio.server;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.micrometer.EngineMetrics;
import dev.vidrio.model.ChatFormat;
import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.tokenizer.Tokenizer;
import java.util.Optional;

/** A model in memory, and the engine that runs it. */
final class ServedModel implements AutoCloseable {
  private final String id;
  private final Model model;
  private final Engine engine;
  private final EngineMetrics metrics;
  private final Optional<ChatFormat> chat;

  private ServedModel(String id, Model model, Engine engine, EngineMetrics metrics) {
    this.id = id;
    this.model = model;
    this.engine = engine;
    this.metrics = metrics;
    this.chat = ChatFormat.of(model);
    metrics.watch(engine);
  }

  /** Loads a model. Calls native code at length, so that it is not for virtual threads. */
  static ServedModel open(ModelSource source, EngineOptions options, EngineMetrics metrics) {
    Model model = source.opener().get();
    try {
      Engine engine = Engine.open(model, options.withListener(metrics));
      try {
        return new ServedModel(source.id(), model, engine, metrics);
      } catch (RuntimeException e) {
        engine.close();
        throw e;
      }
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
  }

  String id() {
    return id;
  }

  Model model() {
    return model;
  }

  Engine engine() {
    return engine;
  }

  Tokenizer tokenizer() {
    return model.tokenizer();
  }

  /** Whether it is made for chat. */
  boolean isChat() {
    return chat.isPresent();
  }

  /** Whether requests may change activations. */
  boolean isSteerable() {
    return !engine.options().lens().editable().isBlank();
  }

  /** How it wants conversations. */
  ChatFormat chat() {
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
    model.close();
  }
}
