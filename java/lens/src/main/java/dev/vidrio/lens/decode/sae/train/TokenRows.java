package dev.vidrio.lens.decode.sae.train;

import java.util.function.IntFunction;

/**
 * Activations or errors of tokens, [batch][width], in the sums of features. They may differ between
 * features.
 */
public final class TokenRows {
  private final IntFunction<float[][]> ofFeature;
  private final boolean common;

  private TokenRows(IntFunction<float[][]> ofFeature, boolean common) {
    this.ofFeature = ofFeature;
    this.common = common;
  }

  /** Returns rows that all features have in common. */
  public static TokenRows common(float[][] rows) {
    return new TokenRows(f -> rows, true);
  }

  /** Returns rows of each feature. */
  public static TokenRows ofFeatures(IntFunction<float[][]> rows) {
    return new TokenRows(rows, false);
  }

  /** Returns the rows of a feature. */
  float[][] of(int feature) {
    return ofFeature.apply(feature);
  }

  /** Returns whether all features have the same rows. */
  boolean isCommon() {
    return common;
  }
}
