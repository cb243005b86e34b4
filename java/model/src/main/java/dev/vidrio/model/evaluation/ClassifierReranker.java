package dev.vidrio.model.evaluation;

import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.EncodedPair;
import java.util.List;
import java.util.function.DoubleConsumer;

/**
 * A cross-encoder (Nogueira and Cho 2019, arXiv 1901.04085), such as bge-reranker or
 * ms-marco-MiniLM: an encoder reads query and document as a pair, and a classifier of one class
 * gives a logit. The score is its sigmoid, as in sentence-transformers.
 */
final class ClassifierReranker implements Reranker {
  private static final EncodeOptions OPTIONS = new EncodeOptions(false, true);

  private final Model model;

  private ClassifierReranker(Model model) {
    this.model = model;
  }

  /**
   * Creates the reranker of an encoder.
   *
   * @throws UnsupportedModelException if the model has no classifier of one class
   */
  static ClassifierReranker of(Model model) {
    int classes = Classification.isSupported(model) ? Classification.classes(model) : 0;
    if (classes != 1) {
      throw new UnsupportedModelException(
          model.name(),
          "reranking with an encoder of " + classes + " classes",
          "supported: encoders with a classifier of one class, and chat models");
    }
    return new ClassifierReranker(model);
  }

  @Override
  public int maxTokens() {
    return model.architecture().contextLength();
  }

  /** Encodes a pair. If it is longer than the maximum, the longer text is cut first. */
  @Override
  public EncodedPair encode(String query, String document, int maxTokens) {
    return model.tokenizer().encodePair(query, document, OPTIONS, maxTokens);
  }

  @Override
  public List<Double> scores(
      List<EncodedPair> pairs, SessionOptions options, DoubleConsumer progress) {
    PairLengths.require(pairs, maxTokens());
    return Classification.logits(
            model,
            pairs.stream().map(EncodedPair::ids).toList(),
            pairs.stream().map(EncodedPair::types).toList(),
            options,
            progress)
        .stream()
        .map(logits -> 1 / (1 + StrictMath.exp(-(double) logits[0])))
        .toList();
  }
}
