package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.decode.sae.train.ActiveFeatures;
import dev.vidrio.lens.decode.sae.train.FeatureGradients;
import dev.vidrio.lens.decode.sae.train.FeatureGradients.Part;
import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.decode.sae.train.TokenRows;
import java.util.ArrayList;
import java.util.List;

/**
 * ReLU with a penalty of the sum of values times the norms of their decoders: {@code ‖z − ẑ‖² + α Σ
 * h ‖d‖} (Bricken et al. 2023; norms as in Anthropic's update of April 2024).
 */
final class ReluLoss implements SaeLoss {
  private final FeatureWeights features;
  private final double penalty;
  private final AuxiliaryLoss auxiliary;

  /** Describes the losses of features. */
  ReluLoss(FeatureWeights features, double penalty, AuxiliaryLoss auxiliary) {
    this.features = features;
    this.penalty = penalty;
    this.auxiliary = auxiliary;
  }

  @Override
  public SaeStep step(float[][] inputs, float[][] outputs, float[] outputBias, double strength) {
    int[] dead = auxiliary.dead();
    float[][] pre = features.preActivations(inputs);
    ActiveFeatures active = features.active(pre, 0);
    float[][] errors = features.errors(active, outputBias, outputs);
    float factor = 2f / inputs.length;
    float penalized = (float) (strength * penalty / inputs.length);
    List<Part> parts = new ArrayList<>();
    parts.add(Part.ofPenalty(features, active, TokenRows.common(errors), factor, penalized));
    auxiliary.addTo(parts, dead, pre, errors);
    return new SaeStep(active, errors, errors, new FeatureGradients(features, inputs, parts));
  }
}
