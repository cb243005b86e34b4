package dev.vidrio.lens.decode.sae.index;

import java.util.List;

/**
 * A token at which a feature is active, with the text around it.
 *
 * @param text the index of the text, from 0
 * @param position of the token in its text
 * @param from the position of the first token of the context
 * @param tokens the context: of each token, the characters that it completes, so that they
 *     concatenate to the text
 * @param activations of the feature at each token of the context; 0 at the first token of a text
 */
public record FeatureExample(
    int text, int position, int from, List<String> tokens, List<Float> activations) {
  /**
   * Checks the sizes.
   *
   * @throws IllegalArgumentException if there is not one activation per token, or the token at the
   *     position is not in the context
   */
  public FeatureExample {
    tokens = List.copyOf(tokens);
    activations = List.copyOf(activations);
    if (tokens.size() != activations.size()) {
      throw new IllegalArgumentException(
          activations.size() + " activations of " + tokens.size() + " tokens");
    }
    if (position < from || position - from >= tokens.size()) {
      throw new IllegalArgumentException(
          "position " + position + " is outside the context from " + from);
    }
  }

  /** Returns the activation at the token. */
  public float value() {
    return activations.get(position - from);
  }

  /** Returns the largest activation in the context. */
  public float greatest() {
    return activations.stream().max(Float::compare).orElse(0f);
  }
}
