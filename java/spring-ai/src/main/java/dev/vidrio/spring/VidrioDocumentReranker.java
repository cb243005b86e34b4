package dev.vidrio.spring;

import dev.vidrio.engine.RerankingEngine;
import dev.vidrio.error.InvalidInputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.springframework.ai.document.Document;

/**
 * Reorders the documents that a vector store found by a model in this process, which reads each
 * with the query. Spring AI has no interface for rerankers; in its retrieval advisor, this is a
 * {@code DocumentPostProcessor}:
 *
 * <pre>{@code
 * var advisor =
 *     RetrievalAugmentationAdvisor.builder()
 *         .documentRetriever(retriever)
 *         .documentPostProcessors((query, found) -> reranker.rerank(query.text(), found))
 *         .build();
 * }</pre>
 *
 * <p>Thread-safe: concurrent requests run one after the other. The caller closes the engine. See
 * {@code docs/ecosystem.md}.
 */
public final class VidrioDocumentReranker {
  private final RerankingEngine engine;
  private final int most;

  /** Creates a reranker that keeps all documents. */
  public VidrioDocumentReranker(RerankingEngine engine) {
    this(engine, Integer.MAX_VALUE);
  }

  /**
   * Creates a reranker.
   *
   * @param most the maximum number of documents to keep
   * @throws InvalidInputException if it is less than 1
   */
  public VidrioDocumentReranker(RerankingEngine engine, int most) {
    if (most < 1) {
      throw new InvalidInputException("most", most, "must be 1 or more");
    }
    this.engine = engine;
    this.most = most;
  }

  /**
   * Returns the most relevant documents, the best first, with their relevance from 0 to 1 as score.
   *
   * @throws InvalidInputException if a document has no text, or does not fit the model's context
   */
  public List<Document> rerank(String query, List<Document> documents) {
    List<String> texts = new ArrayList<>();
    for (Document document : documents) {
      String text = document.getText();
      if (text == null) {
        throw new InvalidInputException("document", document.getId(), "has no text");
      }
      texts.add(text);
    }
    if (texts.isEmpty()) {
      return List.of();
    }
    return engine.rerank(query, texts).best(most).stream()
        .map(
            ranked ->
                Objects.requireNonNull(documents.get(ranked.index()))
                    .mutate()
                    .score(ranked.score())
                    .build())
        .toList();
  }
}
