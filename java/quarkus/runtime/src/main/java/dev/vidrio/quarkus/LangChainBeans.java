package dev.vidrio.quarkus;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.vidrio.engine.Engine;
import dev.vidrio.langchain4j.VidrioChatModel;
import dev.vidrio.langchain4j.VidrioEmbeddingModel;
import dev.vidrio.langchain4j.VidrioStreamingChatModel;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import io.quarkus.arc.DefaultBean;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;

/** Produces LangChain4j's models, on the engine and the model of {@link ModelBeans}. */
@Singleton
public class LangChainBeans {
  private final VidrioConfig config;

  LangChainBeans(VidrioConfig config) {
    this.config = config;
  }

  @Produces
  @Singleton
  @DefaultBean
  ChatModel chatModel(Engine engine) {
    return VidrioChatModel.builder()
        .engine(engine)
        .generationOptions(ConfiguredOptions.of(config).generation())
        .build();
  }

  @Produces
  @Singleton
  @DefaultBean
  StreamingChatModel streamingChatModel(Engine engine) {
    return VidrioStreamingChatModel.builder()
        .engine(engine)
        .generationOptions(ConfiguredOptions.of(config).generation())
        .build();
  }

  @Produces
  @Singleton
  @DefaultBean
  EmbeddingModel embeddingModel(Model model) {
    VidrioEmbeddingModel.Builder builder =
        VidrioEmbeddingModel.builder().model(model).normalize(config.embedding().normalize());
    config.embedding().pooling().ifPresent((Pooling pooling) -> builder.pooling(pooling));
    return builder.build();
  }
}
