package dev.vidrio.engine;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Reranker;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.EncodedPair;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;

/**
 * Reorders documents by their relevance to a query, for any number of threads:
 *
 * {@snippet file="EngineExamples.java" region="rerank"}
 *
 * <p>Calls run one after the other on a dedicated thread, since a virtual thread in native code
 * would pin its carrier. The model belongs to the caller and may serve an {@link Engine} at the
 * same time; their steps alternate. Thread-safe.
 *
 * @see Reranker
 */
public final class RerankingEngine implements AutoCloseable {
  private final Model model;
  private final Reranker reranker;
  private final WorkThread thread;

  /**
   * Starts the thread with the model's default instruction.
   *
   * @throws UnsupportedModelException if the model cannot rerank
   */
  public RerankingEngine(Model model) {
    this(model, Reranker.DEFAULT_INSTRUCTION);
  }

  /**
   * Starts the thread.
   *
   * @param instruction the task of the model, in a sentence
   * @throws UnsupportedModelException if the model cannot rerank
   */
  public RerankingEngine(Model model, String instruction) {
    this.model = model;
    this.reranker = Reranker.of(model, instruction);
    this.thread = new WorkThread("vidrio-reranking", model.name());
  }

  /**
   * A document's place in a ranking.
   *
   * @param index the index of the document in the request
   * @param score the relevance, from 0 to 1
   */
  public record Ranked(int index, double score) {}

  /**
   * The relevance of documents.
   *
   * @param scores the score of each document, from 0 to 1, in the order of the request
   * @param tokens the total number of tokens
   */
  public record Result(List<Double> scores, int tokens) {
    /** Copies the list. */
    public Result {
      scores = List.copyOf(scores);
    }

    /**
     * Returns the most relevant documents, the best first; of equal ones the first.
     *
     * @param count the maximum number of documents
     */
    public List<Ranked> best(int count) {
      return IntStream.range(0, scores.size())
          .mapToObj(i -> new Ranked(i, scores.get(i)))
          .sorted(Comparator.comparingDouble(Ranked::score).reversed())
          .limit(count)
          .toList();
    }
  }

  /** Returns the model. */
  public Model model() {
    return model;
  }

  /**
   * Scores documents.
   *
   * @throws InvalidInputException if a document exceeds the model's context length with the query
   * @throws EngineException.Closed if this engine is closed
   * @throws CancellationException if the calling thread is interrupted
   */
  public Result rerank(String query, List<String> documents) {
    List<EncodedPair> pairs =
        documents.stream().map(document -> reranker.encode(query, document)).toList();
    var scores = new FutureTask<>(() -> reranker.scores(pairs, SessionOptions.DEFAULT, done -> {}));
    thread.execute(scores);
    return new Result(
        WorkThread.await(scores, "scores"), pairs.stream().mapToInt(EncodedPair::size).sum());
  }

  /** Ends the thread, after the calls that are waiting have been answered. */
  @Override
  public void close() {
    thread.close(() -> {});
  }
}
