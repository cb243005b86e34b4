package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.decode.sae.train.ActiveFeatures;
import java.util.List;

/**
 * The active features of a text in the order of features: a transposed copy of the features of its
 * tokens.
 */
public final class ActiveTokens {
  private final ActiveFeatures active;
  private final int first;

  /**
   * Copies features.
   *
   * @param features d_sae
   * @param rows the active features of each token
   * @param first the position of the first of these tokens
   * @throws InvalidInputException if an activation is not finite
   */
  public ActiveTokens(int features, List<Features> rows, int first) {
    this.active =
        new ActiveFeatures(
            features,
            rows.stream().map(Features::ids).toArray(int[][]::new),
            rows.stream().map(Features::values).toArray(float[][]::new));
    this.first = first;
  }

  /** Returns the index of a feature's first active token; that of the next feature is its end. */
  public int begin(int feature) {
    return active.begin(feature);
  }

  /** Returns the position of an active token. */
  public int position(int i) {
    return first + active.token(i);
  }

  /** Returns the activation at an active token. */
  public float value(int i) {
    return active.value(i);
  }
}
