package dev.vidrio.lens.decode.sae.explain;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The explanation of a feature.
 *
 * @param feature its number
 * @param text the explanation; empty if the model's answer has none in the requested form
 * @param scores null before they are measured
 */
public record FeatureExplanation(int feature, String text, @Nullable Scores scores) {
  /**
   * The scores of an explanation, and those of another feature's explanation on the same texts.
   *
   * @param detection whether it tells texts with the feature from others
   * @param fuzzing whether it tells right marks from random ones
   * @param other the feature with the other explanation
   * @param otherDetection detection with the other explanation
   * @param otherFuzzing fuzzing with the other explanation
   */
  public record Scores(
      ClassificationScore detection,
      ClassificationScore fuzzing,
      int other,
      ClassificationScore otherDetection,
      ClassificationScore otherFuzzing) {
    /** Returns the number of texts of all four scores. */
    public int texts() {
      return failed()
          + detection.classified()
          + fuzzing.classified()
          + otherDetection.classified()
          + otherFuzzing.classified();
    }

    /** Returns the number of texts in requests with a malformed answer. */
    public int failed() {
      return detection.failed()
          + fuzzing.failed()
          + otherDetection.failed()
          + otherFuzzing.failed();
    }
  }

  public FeatureExplanation {
    Objects.requireNonNull(text, "text");
  }

  /** Returns the explanation with its scores. */
  FeatureExplanation with(Scores newScores) {
    return new FeatureExplanation(feature, text, newScores);
  }
}
