package dev.vidrio.langchain4j;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.embedding.request.EmbeddingInputType;
import dev.langchain4j.model.embedding.request.EmbeddingParameter;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.request.EmbeddingRequestParameters;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.embedding.response.EmbeddingResponseMetadata;
import dev.langchain4j.model.output.TokenUsage;
import dev.langchain4j.spi.ServiceHelper;
import dev.vidrio.engine.EmbeddingEngine;
import dev.vidrio.langchain4j.spi.VidrioEmbeddingModelBuilderFactory;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.evaluation.Matryoshka;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * LangChain4j's {@link EmbeddingModel} on a model in this process. A text's embedding is the
 * residual stream after the final norm, pooled over its tokens: a vector of the model's width.
 *
 * {@snippet file="LangChain4jExamples.java" region="embed"}
 *
 * <p>Thread-safe: concurrent requests run one after the other. See {@code docs/ecosystem.md}.
 */
public final class VidrioEmbeddingModel implements EmbeddingModel, AutoCloseable {
  private final EmbeddingEngine engine;
  private final Map<String, String> prompts;
  private final boolean owned;
  private final boolean normalize;
  private final List<EmbeddingModelListener> listeners;

  private VidrioEmbeddingModel(Builder builder) {
    this.owned = builder.model == null;
    Model model = GivenModel.of(builder.model, builder.modelPath);
    Pooling pooling = builder.pooling == null ? Embeddings.pooling(model) : builder.pooling;
    this.engine = new EmbeddingEngine(model, pooling, builder.normalize);
    this.prompts = Embeddings.prompts(model);
    this.listeners = builder.listeners;
    this.normalize = builder.normalize;
  }

  /**
   * Returns a builder, from the first {@link VidrioEmbeddingModelBuilderFactory} if there is one.
   */
  public static Builder builder() {
    return ServiceHelper.loadFactories(VidrioEmbeddingModelBuilderFactory.class).stream()
        .findFirst()
        .map(VidrioEmbeddingModelBuilderFactory::get)
        .orElseGet(Builder::new);
  }

  @Override
  public EmbeddingResponse doEmbed(EmbeddingRequest request) {
    try {
      Integer dimensions = request.dimensions();
      int size = dimensions == null ? engine.dimension() : dimensions;
      Matryoshka.check(size, engine.dimension());
      String prompt = prompt(request.inputType());
      EmbeddingEngine.Result result =
          engine.embed(request.inputs().stream().map(input -> prompt + input.text()).toList());
      return EmbeddingResponse.builder()
          .embeddings(
              result.vectors().stream()
                  .map(vector -> Matryoshka.shorten(vector, size, normalize))
                  .map(Embedding::from)
                  .toList())
          .metadata(
              EmbeddingResponseMetadata.builder()
                  .modelName(modelName())
                  .tokenUsage(new TokenUsage(result.tokens()))
                  .build())
          .build();
    } catch (RuntimeException e) {
      throw ExceptionMapper.map(e);
    }
  }

  /** Returns the model's prompt for queries or documents; empty if it has none. */
  private String prompt(@Nullable EmbeddingInputType type) {
    return switch (type) {
      case null -> "";
      case QUERY -> prompts.getOrDefault("query", "");
      case DOCUMENT -> prompts.getOrDefault("document", prompts.getOrDefault("passage", ""));
    };
  }

  /**
   * Returns the parameters: {@code dimensions}, to which vectors are shortened, and, if the model
   * file has prompts, {@code inputType}, which selects one.
   */
  @Override
  public Set<EmbeddingParameter<?>> supportedParameters() {
    return prompts.isEmpty()
        ? Set.of(EmbeddingRequestParameters.DIMENSIONS)
        : Set.of(EmbeddingRequestParameters.DIMENSIONS, EmbeddingRequestParameters.INPUT_TYPE);
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

  /** Closes the model if it was opened for {@link Builder#modelPath}. */
  @Override
  public void close() {
    engine.close();
    if (owned) {
      engine.model().close();
    }
  }

  /**
   * A builder of embedding models. Exactly one of {@link #model} and {@link #modelPath} is
   * required.
   */
  public static class Builder {
    private @Nullable Model model;
    private @Nullable Path modelPath;
    private @Nullable Pooling pooling;
    private boolean normalize = true;
    private List<EmbeddingModelListener> listeners = List.of();

    /** Creates a builder. */
    public Builder() {}

    /** Sets a shared model, which engines may use too. The caller closes it. */
    public Builder model(Model value) {
      model = value;
      return this;
    }

    /** Sets the file of a model, which is opened and closed with the embedding model. */
    public Builder modelPath(Path value) {
      modelPath = value;
      return this;
    }

    /**
     * Sets how the vectors of a text's tokens are pooled; by default as the model file names, or
     * their mean.
     */
    public Builder pooling(Pooling value) {
      pooling = value;
      return this;
    }

    /** Sets whether vectors are normalized to a Euclidean length of 1; by default true. */
    public Builder normalize(boolean value) {
      normalize = value;
      return this;
    }

    /** Sets the listeners of requests and responses. */
    public Builder listeners(List<EmbeddingModelListener> value) {
      listeners = List.copyOf(value);
      return this;
    }

    /**
     * Builds the model, and opens it if {@link #modelPath} is set.
     *
     * @throws dev.vidrio.error.ModelException if the model cannot be opened
     */
    public VidrioEmbeddingModel build() {
      return new VidrioEmbeddingModel(this);
    }
  }
}
