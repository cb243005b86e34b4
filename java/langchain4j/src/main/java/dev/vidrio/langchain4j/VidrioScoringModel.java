package dev.vidrio.langchain4j;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import dev.langchain4j.model.scoring.ScoringModel;
import dev.vidrio.engine.RerankingEngine;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Reranker;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * LangChain4j's {@link ScoringModel} (reranking) on a model in this process, for {@code
 * ReRankingContentAggregator} and its like. A score is the relevance of a text to a query, from 0
 * to 1.
 *
 * {@snippet file="LangChain4jExamples.java" region="score"}
 *
 * <p>Thread-safe: concurrent requests run one after the other. See {@code docs/ecosystem.md}.
 *
 * @see RerankingEngine
 */
public final class VidrioScoringModel implements ScoringModel, AutoCloseable {
  private final RerankingEngine engine;
  private final boolean owned;

  private VidrioScoringModel(Builder builder) {
    this.owned = builder.model == null;
    Model model = GivenModel.of(builder.model, builder.modelPath);
    try {
      this.engine = new RerankingEngine(model, builder.instruction);
    } catch (RuntimeException e) {
      if (owned) {
        model.close();
      }
      throw e;
    }
  }

  /** Returns a builder. */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  public Response<List<Double>> scoreAll(List<TextSegment> segments, String query) {
    try {
      RerankingEngine.Result result =
          engine.rerank(query, segments.stream().map(TextSegment::text).toList());
      return Response.from(result.scores(), new TokenUsage(result.tokens()));
    } catch (RuntimeException e) {
      throw ExceptionMapper.map(e);
    }
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
   * A builder of scoring models. Exactly one of {@link #model} and {@link #modelPath} is required.
   */
  public static final class Builder {
    private @Nullable Model model;
    private @Nullable Path modelPath;
    private String instruction = Reranker.DEFAULT_INSTRUCTION;

    /** Creates a builder. */
    public Builder() {}

    /** Sets a shared model, which engines may use too. The caller closes it. */
    public Builder model(Model value) {
      model = value;
      return this;
    }

    /** Sets the file of a model, which is opened and closed with the scoring model. */
    public Builder modelPath(Path value) {
      modelPath = value;
      return this;
    }

    /** Sets the task in a sentence; by default {@link Reranker#DEFAULT_INSTRUCTION}. */
    public Builder instruction(String value) {
      instruction = value;
      return this;
    }

    /**
     * Builds the model, and opens it if {@link #modelPath} is set.
     *
     * @throws dev.vidrio.error.ModelException if the model cannot be opened or cannot rerank
     */
    public VidrioScoringModel build() {
      return new VidrioScoringModel(this);
    }
  }
}
