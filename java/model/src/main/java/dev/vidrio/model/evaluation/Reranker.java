package dev.vidrio.model.evaluation;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.EncodedPair;
import dev.vidrio.tokenizer.TokenDecoder;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.List;
import java.util.function.DoubleConsumer;

/**
 * Scores how well documents answer a query. The vectors of embeddings are computed separately; here
 * the model reads query and document together. This is more accurate and slower, and serves to
 * reorder the best results of a search.
 *
 * {@snippet file="GenerationExamples.java" region="rerank"}
 *
 * <p>An encoder with a classifier of one class, a cross-encoder such as bge-reranker, reads the
 * pair, and the score is the sigmoid of its logit ({@link ClassifierReranker}).
 *
 * <p>A chat model is asked whether the document meets the query, and the score is the probability
 * of "yes" against "no" ({@link YesNoReranker}). This is the form of Qwen3-Reranker (arXiv
 * 2506.05176). Its own prompt results from its template. Other chat models can judge so too, less
 * accurately than models trained for it.
 *
 * <p>Scores are from 0 to 1 and are comparable within a model. The score of a pair does not depend
 * on the others, bit for bit. Thread-safe.
 *
 * @see "docs/server.md"
 */
public interface Reranker {

  /** The instruction with which Qwen3-Reranker was trained for search results. */
  String DEFAULT_INSTRUCTION =
      "Given a web search query, retrieve relevant passages that answer the query";

  /**
   * Returns the reranker of a model with {@link #DEFAULT_INSTRUCTION}.
   *
   * @throws UnsupportedModelException if the model cannot rerank
   */
  static Reranker of(Model model) {
    return of(model, DEFAULT_INSTRUCTION);
  }

  /**
   * Returns the reranker of a model.
   *
   * @param instruction the task, in a sentence; used by chat models
   * @throws UnsupportedModelException if the model cannot rerank
   */
  static Reranker of(Model model, String instruction) {
    return model.architecture().isEncoder()
        ? ClassifierReranker.of(model)
        : YesNoReranker.of(model, instruction);
  }

  /**
   * Returns the beginning of a text with at most a number of tokens, without an incomplete
   * character at its end.
   */
  static String cut(Tokenizer tokenizer, String text, int maxTokens) {
    int[] ids = tokenizer.encode(text, new EncodeOptions(false, false));
    if (ids.length <= maxTokens) {
      return text;
    }
    TokenDecoder decoder = tokenizer.streamingDecoder();
    StringBuilder kept = new StringBuilder();
    for (int i = 0; i < maxTokens; i++) {
      kept.append(decoder.accept(ids[i]));
    }
    return kept.toString();
  }

  /** Returns the maximum number of tokens of a pair. */
  int maxTokens();

  /** Encodes a pair without a limit. */
  default EncodedPair encode(String query, String document) {
    return encode(query, document, Integer.MAX_VALUE);
  }

  /**
   * Encodes a pair to at most a number of tokens. If it is longer, the document is cut first.
   *
   * @param maxTokens the maximum, including the tokens of the model's prompt
   * @throws InvalidInputException if the prompt alone has more tokens
   */
  EncodedPair encode(String query, String document, int maxTokens);

  /**
   * Scores pairs, several per step.
   *
   * @param pairs pairs that this reranker encoded
   * @param options the adapter, the element type of the cache and the arithmetic; sizes are ignored
   * @param progress receives the fraction done
   * @return the relevance of each pair, from 0 to 1
   * @throws InvalidInputException if a pair has more than {@link #maxTokens}
   */
  List<Double> scores(List<EncodedPair> pairs, SessionOptions options, DoubleConsumer progress);
}
