package dev.vidrio.spring;

import dev.vidrio.engine.EmbeddingEngine;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.evaluation.Matryoshka;
import io.micrometer.observation.ObservationRegistry;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.springframework.ai.chat.metadata.DefaultUsage;
import org.springframework.ai.document.Document;
import org.springframework.ai.embedding.Embedding;
import org.springframework.ai.embedding.EmbeddingModel;
import org.springframework.ai.embedding.EmbeddingOptions;
import org.springframework.ai.embedding.EmbeddingRequest;
import org.springframework.ai.embedding.EmbeddingResponse;
import org.springframework.ai.embedding.EmbeddingResponseMetadata;
import org.springframework.ai.embedding.observation.DefaultEmbeddingModelObservationConvention;
import org.springframework.ai.embedding.observation.EmbeddingModelObservationContext;
import org.springframework.ai.embedding.observation.EmbeddingModelObservationDocumentation;

/**
 * Spring AI's {@link EmbeddingModel} on a model in this process. A text's embedding is the residual
 * stream after the final norm, pooled over its tokens: a vector of the model's width.
 *
 * <p>Thread-safe: concurrent requests run one after the other. The caller closes the engine. See
 * {@code docs/ecosystem.md}.
 */
public final class VidrioEmbeddingModel implements EmbeddingModel {
  private static final DefaultEmbeddingModelObservationConvention CONVENTION =
      new DefaultEmbeddingModelObservationConvention();

  private final EmbeddingEngine engine;
  private final ObservationRegistry observations;
  private final String name;

  /** Creates an embedding model without observations. */
  public VidrioEmbeddingModel(EmbeddingEngine engine) {
    this(engine, ObservationRegistry.NOOP);
  }

  /**
   * Creates an embedding model.
   *
   * @param observations observes requests, with OpenTelemetry's names
   */
  public VidrioEmbeddingModel(EmbeddingEngine engine, ObservationRegistry observations) {
    this.engine = engine;
    this.observations = observations;
    this.name = String.valueOf(Path.of(engine.model().name()).getFileName());
  }

  /**
   * Embeds texts.
   *
   * @throws InvalidInputException if a text or the options do not fit the model
   */
  @Override
  public EmbeddingResponse call(EmbeddingRequest request) {
    EmbeddingOptions options = request.getOptions();
    if (options != null) {
      requireOwn(options);
    }
    // Observations read the model and the dimension from the options.
    EmbeddingOptions own =
        EmbeddingOptions.builder().model(name).dimensions(dimensions(request)).build();
    EmbeddingModelObservationContext context =
        EmbeddingModelObservationContext.builder()
            .embeddingRequest(new EmbeddingRequest(request.getInstructions(), own))
            .provider(VidrioChatModel.PROVIDER)
            .build();
    return EmbeddingModelObservationDocumentation.EMBEDDING_MODEL_OPERATION
        .observation(null, CONVENTION, () -> context, observations)
        .observe(
            () -> {
              EmbeddingResponse response = response(request);
              context.setResponse(response);
              return response;
            });
  }

  private EmbeddingResponse response(EmbeddingRequest request) {
    EmbeddingEngine.Result result = engine.embed(request.getInstructions());
    int size = dimensions(request);
    List<float[]> vectors =
        result.vectors().stream()
            .map(vector -> Matryoshka.shorten(vector, size, engine.isNormalizing()))
            .toList();
    List<Embedding> embeddings =
        IntStream.range(0, vectors.size()).mapToObj(i -> new Embedding(vectors.get(i), i)).toList();
    var usage = new DefaultUsage(result.tokens(), 0);
    return new EmbeddingResponse(embeddings, new EmbeddingResponseMetadata(name, usage));
  }

  /** Returns the size to which vectors are shortened. */
  private int dimensions(EmbeddingRequest request) {
    EmbeddingOptions options = request.getOptions();
    Integer dimensions = options == null ? null : options.getDimensions();
    return dimensions == null ? engine.dimension() : dimensions;
  }

  private void requireOwn(EmbeddingOptions options) {
    String model = options.getModel();
    if (model != null && !model.equals(name)) {
      throw new InvalidInputException("model", model, "not found; available: " + name);
    }
    Integer dimensions = options.getDimensions();
    if (dimensions != null) {
      Matryoshka.check(dimensions, engine.dimension());
    }
  }

  @Override
  public float[] embed(Document document) {
    String text = getEmbeddingContent(document);
    if (text == null) {
      throw new InvalidInputException("document", document.getId(), "has no text");
    }
    return embed(text);
  }

  @Override
  public int dimensions() {
    return engine.dimension();
  }
}
