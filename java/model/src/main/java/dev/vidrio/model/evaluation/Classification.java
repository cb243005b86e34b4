package dev.vidrio.model.evaluation;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.SessionOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleConsumer;

/**
 * Computes the logits of a classifier over whole texts or pairs of texts: which class a text
 * belongs to, or, with one class, how well a document answers a query (a cross-encoder such as
 * bge-reranker). The classifier is part of the model file: {@code BertForSequenceClassification},
 * {@code XLMRobertaForSequenceClassification}, {@code ModernBertForSequenceClassification} and
 * others; see docs/formats.md.
 *
 * <p>Logits are not probabilities: apply a sigmoid to one class, a softmax to several. The logits
 * of a pair do not depend on the others, bit for bit.
 */
public final class Classification {
  private Classification() {}

  /** Returns whether a model has a classifier. */
  public static boolean isSupported(Model model) {
    return model.architecture().isEncoder() && TextHead.classifier(model).isPresent();
  }

  /**
   * Returns the number of classes.
   *
   * @throws InvalidInputException if the model has no classifier
   */
  public static int classes(Model model) {
    return require(model).width();
  }

  /**
   * Returns the names of the classes, or an empty list if the file does not name them.
   *
   * @throws InvalidInputException if the model has no classifier
   */
  public static List<String> labels(Model model) {
    return require(model).labels();
  }

  /**
   * Computes the logits [classes] of texts or pairs, several per step.
   *
   * @param ids the token ids of each text or pair, with special tokens
   * @param types the type of each of these tokens: 0 in the first text of a pair
   * @param progress receives the fraction done
   * @throws InvalidInputException if the model has no classifier, or a text has no tokens, exceeds
   *     the model's positions, or has an unknown id or type
   */
  public static List<float[]> logits(
      Model model, List<int[]> ids, List<int[]> types, DoubleConsumer progress) {
    return logits(model, ids, types, SessionOptions.DEFAULT, progress);
  }

  /**
   * Computes logits with session options.
   *
   * @param options the adapter and the arithmetic; others are ignored
   */
  public static List<float[]> logits(
      Model model,
      List<int[]> ids,
      List<int[]> types,
      SessionOptions options,
      DoubleConsumer progress) {
    require(model);
    try (var encoder = new TextEncoder(model, options)) {
      return logits(encoder, model, ids, types, progress);
    }
  }

  /** Computes logits with an encoder that reuses its memory across calls. */
  public static List<float[]> logits(
      TextEncoder encoder,
      Model model,
      List<int[]> ids,
      List<int[]> types,
      DoubleConsumer progress) {
    TextHead head = require(model);
    if (ids.size() != types.size()) {
      throw new InvalidInputException("types", types.size(), "must be one list for each text");
    }
    List<float[]> logits = new ArrayList<>();
    for (float[] pooled : encoder.pooled(ids, types, head.pooling(), progress)) {
      logits.add(head.apply(pooled));
    }
    return logits;
  }

  private static TextHead require(Model model) {
    if (!isSupported(model)) {
      throw new InvalidInputException("model", model.name(), "has no classifier");
    }
    return TextHead.classifier(model).orElseThrow();
  }
}
