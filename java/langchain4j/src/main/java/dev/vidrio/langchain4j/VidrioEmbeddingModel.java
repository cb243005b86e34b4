package dev.vidrio.langchain4j;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.embedding.request.EmbeddingInput;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.embedding.response.EmbeddingResponseMetadata;
import dev.langchain4j.model.output.TokenUsage;
import dev.langchain4j.spi.ServiceHelper;
import dev.vidrio.engine.EmbeddingEngine;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.langchain4j.spi.VidrioEmbeddingModelBuilderFactory;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Embeddings of a model of this process: its residual stream after the final norm, pooled over a
 * text's tokens.
 *
 * {@snippet file="LangChain4jExamples.java" region="embed"}
 *
 * <p>Closing it closes a model that it has opened, and leaves one of the caller's open.
 */
public final class VidrioEmbeddingModel implements EmbeddingModel, AutoCloseable {
  private final EmbeddingEngine engine;
  private final boolean owned;
  private final List<EmbeddingModelListener> listeners;

  private VidrioEmbeddingModel(Builder builder) {
    this.owned = builder.model == null;
    this.engine = new EmbeddingEngine(model(builder), builder.pooling, builder.normalize);
    this.listeners = builder.listeners;
  }

  private static Model model(Builder builder) {
    Model model = builder.model;
    Path path = builder.modelPath;
    if (model != null && path == null) {
      return model;
    }
    if (model != null || path == null) {
      throw new InvalidInputException(
          "modelPath", String.valueOf(path), "one of model and modelPath must be given");
    }
    return Model.open(path);
  }

  /** A builder, of the first {@link VidrioEmbeddingModelBuilderFactory} if there is one. */
  public static Builder builder() {
    return ServiceHelper.loadFactories(VidrioEmbeddingModelBuilderFactory.class).stream()
        .findFirst()
        .map(VidrioEmbeddingModelBuilderFactory::get)
        .orElseGet(Builder::new);
  }

  @Override
  public EmbeddingResponse doEmbed(EmbeddingRequest request) {
    try {
      EmbeddingEngine.Result result =
          engine.embed(request.inputs().stream().map(EmbeddingInput::text).toList());
      return EmbeddingResponse.builder()
          .embeddings(result.vectors().stream().map(Embedding::from).toList())
          .metadata(
              EmbeddingResponseMetadata.builder()
                  .modelName(modelName())
                  .tokenUsage(new TokenUsage(result.tokens()))
                  .build())
          .build();
    } catch (RuntimeException e) {
      throw Failures.explain(e);
    }
  }

  @Override
  public int dimension() {
    return engine.dimension();
  }

  @Override
  public String modelName() {
    return String.valueOf(Path.of(engine.model().name()).getFileName());
  }

  @Override
  public List<EmbeddingModelListener> listeners() {
    return listeners;
  }

  /** Closes the model if it has been opened here. */
  @Override
  public void close() {
    engine.close();
    if (owned) {
      engine.model().close();
    }
  }

  /** Collects options; one of {@link #model} and {@link #modelPath} is needed. */
  public static class Builder {
    private @Nullable Model model;
    private @Nullable Path modelPath;
    private Pooling pooling = Pooling.MEAN;
    private boolean normalize = true;
    private List<EmbeddingModelListener> listeners = List.of();

    /** A builder without a model. */
    public Builder() {}

    /** Sets a model of the caller's, which may serve engines too, and stays open. */
    public Builder model(Model value) {
      model = value;
      return this;
    }

    /** Sets the file of a model, which is closed with the embedding model. */
    public Builder modelPath(Path value) {
      modelPath = value;
      return this;
    }

    /** Sets how the tokens' vectors become one. */
    public Builder pooling(Pooling value) {
      pooling = value;
      return this;
    }

    /** Sets whether vectors are divided by their Euclidean length. */
    public Builder normalize(boolean value) {
      normalize = value;
      return this;
    }

    /** Sets who is told of requests and answers. */
    public Builder listeners(List<EmbeddingModelListener> value) {
      listeners = List.copyOf(value);
      return this;
    }

    /** The model. */
    public VidrioEmbeddingModel build() {
      return new VidrioEmbeddingModel(this);
    }
  }
}
