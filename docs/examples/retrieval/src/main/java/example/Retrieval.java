package example;

import static dev.langchain4j.rag.content.ContentMetadata.RERANKED_SCORE;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.rag.DefaultRetrievalAugmentor;
import dev.langchain4j.rag.RetrievalAugmentor;
import dev.langchain4j.rag.content.Content;
import dev.langchain4j.rag.content.aggregator.ReRankingContentAggregator;
import dev.langchain4j.rag.content.retriever.EmbeddingStoreContentRetriever;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.Result;
import dev.langchain4j.store.embedding.inmemory.InMemoryEmbeddingStore;
import dev.vidrio.langchain4j.VidrioChatModel;
import dev.vidrio.langchain4j.VidrioEmbeddingModel;
import dev.vidrio.langchain4j.VidrioScoringModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Answers a question from a text. An embedding model finds paragraphs that may be relevant, a
 * reranker keeps the best of them, and a chat model answers from those.
 */
public final class Retrieval {
  private static final int FOUND = 20;
  private static final int KEPT = 3;

  private Retrieval() {}

  /** The service that LangChain4j implements. */
  interface Answers {
    Result<String> answer(String question);
  }

  /**
   * Prints the answer and the paragraphs that it is based on.
   *
   * @param arguments the model files of embedder, reranker and chat model; the text; the question
   */
  public static void main(String[] arguments) throws IOException {
    try (var embedder = VidrioEmbeddingModel.builder().modelPath(Path.of(arguments[0])).build();
        var reranker = VidrioScoringModel.builder().modelPath(Path.of(arguments[1])).build();
        var chat =
            VidrioChatModel.builder().modelPath(Path.of(arguments[2])).temperature(0.0).build()) {
      List<TextSegment> paragraphs = paragraphs(Path.of(arguments[3]));
      var store = new InMemoryEmbeddingStore<TextSegment>();
      store.addAll(embedder.embedAll(paragraphs).content(), paragraphs);

      var retriever =
          EmbeddingStoreContentRetriever.builder()
              .embeddingStore(store)
              .embeddingModel(embedder)
              .maxResults(FOUND)
              .build();
      var aggregator =
          ReRankingContentAggregator.builder().scoringModel(reranker).maxResults(KEPT).build();
      RetrievalAugmentor augmentor =
          DefaultRetrievalAugmentor.builder()
              .contentRetriever(retriever)
              .contentAggregator(aggregator)
              .build();
      Answers answers =
          AiServices.builder(Answers.class).chatModel(chat).retrievalAugmentor(augmentor).build();

      Result<String> result = answers.answer(arguments[4]);
      System.out.println(result.content());
      for (Content source : result.sources()) {
        double score = (Double) source.metadata().get(RERANKED_SCORE);
        System.out.printf("%n[%.3f] %s%n", score, source.textSegment().text());
      }
    }
  }

  private static List<TextSegment> paragraphs(Path file) throws IOException {
    return Pattern.compile("\n\n+")
        .splitAsStream(Files.readString(file))
        .map(String::strip)
        .filter(paragraph -> !paragraph.isEmpty())
        .map(TextSegment::from)
        .toList();
  }
}
