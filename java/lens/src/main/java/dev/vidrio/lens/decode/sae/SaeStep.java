package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.decode.sae.train.ActiveFeatures;
import dev.vidrio.lens.decode.sae.train.FeatureGradients;

/** The active features, errors and gradients of a step. */
final class SaeStep {
  private final ActiveFeatures active;
  private final float[][] errors;
  private final float[][] outputErrors;
  private final FeatureGradients gradients;

  SaeStep(
      ActiveFeatures active, float[][] errors, float[][] outputErrors, FeatureGradients gradients) {
    this.active = active;
    this.errors = errors;
    this.outputErrors = outputErrors;
    this.gradients = gradients;
  }

  /** Returns the active features. */
  ActiveFeatures active() {
    return active;
  }

  /** Returns ẑ − z, [batch][d_out]. */
  float[][] errors() {
    return errors;
  }

  /**
   * Returns the sum of the errors of all reconstructions, [batch][d_out]: twice their mean is the
   * gradient of the bias of outputs.
   */
  float[][] outputErrors() {
    return outputErrors;
  }

  /** Returns the gradients of features. */
  FeatureGradients gradients() {
    return gradients;
  }
}
