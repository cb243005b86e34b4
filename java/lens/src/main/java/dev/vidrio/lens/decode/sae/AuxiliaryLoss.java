package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.decode.sae.train.FeatureGradients.Part;
import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import java.util.List;

/**
 * The loss by which dead features learn to explain what the others leave (AuxK, Gao et al. 2024,
 * arXiv 2406.04093), with SAELens's factor: it is smaller if few features are dead.
 */
final class AuxiliaryLoss {
  private final FeatureWeights features;
  private final int deadAfter;
  private final double weight;

  /**
   * Describes the loss.
   *
   * @param deadAfter number of steps without activity after which a feature counts as dead
   * @param weight of the loss; 0 for none
   */
  AuxiliaryLoss(FeatureWeights features, int deadAfter, double weight) {
    this.features = features;
    this.deadAfter = deadAfter;
    this.weight = weight;
  }

  /** Returns the features that are dead before a step counts its active ones. */
  int[] dead() {
    return weight == 0 ? new int[0] : features.deadFeatures(deadAfter);
  }

  /**
   * Adds the part of the gradient, if there are dead features.
   *
   * @param pre pre-activations, [batch][F]
   * @param errors ẑ − z, [batch][d_out]
   */
  void addTo(List<Part> parts, int[] dead, float[][] pre, float[][] errors) {
    if (dead.length > 0) {
      addTo(parts, dead, features.strengths(pre), pre, errors);
    }
  }

  /**
   * Adds the part of the gradient, if there are dead features.
   *
   * @param strengths of the pre-activations, [batch][F]
   * @param pre pre-activations, [batch][F]
   * @param errors ẑ − z, [batch][d_out]
   */
  void addTo(List<Part> parts, int[] dead, float[][] strengths, float[][] pre, float[][] errors) {
    if (dead.length > 0) {
      double few = Math.min(1, dead.length / (double) features.auxiliaryCount());
      parts.add(features.auxiliary(dead, strengths, pre, errors, weight * few));
    }
  }
}
