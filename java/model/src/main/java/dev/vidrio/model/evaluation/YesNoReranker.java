package dev.vidrio.model.evaluation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.EncodedPair;
import dev.vidrio.tokenizer.Tokenizer;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.DoubleConsumer;

/**
 * A decoder as a reranker, in the form of Qwen3-Reranker (arXiv 2506.05176, section 2): it reads a
 * {@link RerankPrompt}, and with the logits of the next token the score is
 *
 * <pre>{@code P(yes) / (P(yes) + P(no)) = 1 / (1 + exp(logit(no) − logit(yes)))}</pre>
 */
final class YesNoReranker implements Reranker {
  private static final EncodeOptions PLAIN = new EncodeOptions(false, false);

  /** The number of attempts to cut a document, as its shorter text may have other tokens. */
  private static final int CUTS = 16;

  private final Model model;
  private final RerankPrompt prompt;
  private final int yes;
  private final int no;

  private YesNoReranker(Model model, RerankPrompt prompt, int yes, int no) {
    this.model = model;
    this.prompt = prompt;
    this.yes = yes;
    this.no = no;
  }

  /**
   * Creates the reranker of a decoder.
   *
   * @throws UnsupportedModelException if the model has no chat template for the question, or no
   *     tokens for the answers
   */
  static YesNoReranker of(Model model, String instruction) {
    RerankPrompt prompt = RerankPrompt.of(model, instruction);
    try {
      return new YesNoReranker(
          model, prompt, model.tokenizer().token("yes"), model.tokenizer().token("no"));
    } catch (InvalidInputException e) {
      throw new UnsupportedModelException(
          model.name(), "reranking without tokens \"yes\" and \"no\"", "a model with both");
    }
  }

  @Override
  public int maxTokens() {
    return model.architecture().contextLength();
  }

  @Override
  public EncodedPair encode(String query, String document, int maxTokens) {
    Tokenizer tokenizer = model.tokenizer();
    String kept = document;
    int[] ids = prompt.encode(query, kept);
    for (int i = 0; ids.length > maxTokens && i < CUTS; i++) {
      int tokens = tokenizer.encode(kept, PLAIN).length;
      kept = Reranker.cut(tokenizer, kept, Math.max(0, tokens - (ids.length - maxTokens)));
      ids = prompt.encode(query, kept);
    }
    if (ids.length > maxTokens) {
      throw new InvalidInputException(
          "query",
          ids.length + " tokens",
          "must have at most " + maxTokens + " with the model's prompt and an empty document");
    }
    return new EncodedPair(ids, new int[ids.length]);
  }

  @Override
  public List<Double> scores(
      List<EncodedPair> pairs, SessionOptions options, DoubleConsumer progress) {
    PairLengths.require(pairs, maxTokens());
    Double[] scores = new Double[pairs.size()];
    RowEvaluator.run(
        model,
        RowEvaluator.logits(model),
        pairs.stream()
            .map(EncodedPair::ids)
            .map(ids -> new RowEvaluator.Input(ids, ids.length - 1))
            .toList(),
        options,
        (i, position, logits) -> scores[i] = score(logits),
        progress);
    return List.of(scores);
  }

  private double score(MemorySegment logits) {
    double positive = logits.getAtIndex(JAVA_FLOAT, yes);
    double negative = logits.getAtIndex(JAVA_FLOAT, no);
    return 1 / (1 + StrictMath.exp(negative - positive));
  }
}
