package dev.vidrio.quarkus;

import dev.vidrio.engine.EmbeddingEngine;
import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineListener;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.Chat;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.template.ChatOptions;
import io.quarkus.arc.DefaultBean;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.Dependent;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Instance;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * Produces the beans of {@link VidrioConfig}: the model, its engines, and conversations. The
 * application's own beans replace those of this class.
 *
 * <p>The application fails to start if {@code vidrio.model} is set and its file or another property
 * is invalid.
 */
@Singleton
public class ModelBeans {
  private final VidrioConfig config;

  /** Actions that close what has been opened, in the order of closing. */
  private final Deque<Runnable> closing = new ConcurrentLinkedDeque<>();

  ModelBeans(VidrioConfig config) {
    this.config = config;
  }

  void start(@Observes StartupEvent event, Instance<Model> model) {
    if (config.model().isPresent()) {
      var _ = ConfiguredOptions.of(config);
      var _ = model.get();
    }
  }

  /** Drains and closes engines before the model. Containers destroy beans in any order. */
  void stop(@Observes ShutdownEvent event) {
    for (Runnable close = closing.poll(); close != null; close = closing.poll()) {
      close.run();
    }
  }

  @Produces
  @Singleton
  @DefaultBean
  Model model() {
    Model model =
        Model.open(ConfiguredOptions.requiredModel(config), ConfiguredOptions.of(config).model());
    closing.push(model::close);
    return model;
  }

  @Produces
  @Singleton
  @DefaultBean
  Engine engine(Model model, Instance<EngineListener> listener) {
    ConfiguredOptions options = ConfiguredOptions.of(config);
    Engine engine =
        Engine.open(
            model,
            options
                .engine()
                .withListener(listener.isResolvable() ? listener.get() : EngineListener.NONE));
    closing.push(() -> close(engine, options.drain()));
    return engine;
  }

  private static void close(Engine engine, Duration drain) {
    try {
      engine.drain(drain);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    engine.close();
  }

  @Produces
  @Singleton
  @DefaultBean
  EmbeddingEngine embeddingEngine(Model model) {
    VidrioConfig.Embedding embedding = config.embedding();
    EmbeddingEngine engine =
        new EmbeddingEngine(
            model,
            embedding.pooling().orElseGet(() -> Embeddings.pooling(model)),
            embedding.normalize());
    closing.push(engine::close);
    return engine;
  }

  /** Opens a conversation for each injection point. It belongs to one thread. */
  @Produces
  @Dependent
  @DefaultBean
  Chat chat(Model model) {
    return model.newChat(
        ChatOptions.DEFAULT, ConfiguredOptions.of(config).generation(), SessionOptions.DEFAULT);
  }

  void close(@Disposes Chat chat) {
    chat.close();
  }
}
