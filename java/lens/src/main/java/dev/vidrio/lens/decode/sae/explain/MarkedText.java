package dev.vidrio.lens.decode.sae.explain;

import dev.vidrio.lens.decode.sae.index.FeatureExample;
import java.util.List;
import java.util.function.IntPredicate;

/** Texts with marked tokens: {@code to <<be>> or not}. */
final class MarkedText {
  /** The fraction of the largest activation from which tokens are marked. */
  private static final float THRESHOLD = 0.3f;

  private MarkedText() {}

  /** Marks the tokens that a predicate selects; consecutive ones share their marks. */
  static String of(List<String> tokens, IntPredicate marked) {
    var text = new StringBuilder();
    for (int i = 0; i < tokens.size(); i++) {
      boolean now = marked.test(i);
      if (now && (i == 0 || !marked.test(i - 1))) {
        text.append("<<");
      }
      text.append(tokens.get(i));
      if (now && (i + 1 == tokens.size() || !marked.test(i + 1))) {
        text.append(">>");
      }
    }
    return text.toString();
  }

  /** Marks the tokens with large activations. */
  static String of(FeatureExample example) {
    return of(example.tokens(), i -> isMarked(example, i));
  }

  /** Returns whether the activation at a token is at least a third of the largest, about. */
  static boolean isMarked(FeatureExample example, int i) {
    float value = example.activations().get(i);
    return value > 0 && value >= THRESHOLD * example.greatest();
  }
}
