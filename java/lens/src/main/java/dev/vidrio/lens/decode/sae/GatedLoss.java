package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.decode.sae.train.ActiveFeatures;
import dev.vidrio.lens.decode.sae.train.FeatureGradients;
import dev.vidrio.lens.decode.sae.train.FeatureGradients.Part;
import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.decode.sae.train.TokenRows;
import dev.vidrio.lens.decode.sae.train.TrainedVector;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Gates that select features, and magnitudes with another bias and scale (Rajamanoharan et al.
 * 2024, arXiv 2404.16014): {@code π = x W_enc + b_gate}, {@code h = 1[π > 0] ReLU(x W_enc
 * exp(r_mag) + b_mag)}. Gates have no gradient, so they learn by a penalty and by a reconstruction
 * of their own, {@code α Σ ReLU(π) ‖d‖ + ‖ReLU(π) W_dec + b_dec − z‖²}. As in SAELens, this
 * reconstruction also trains the decoder.
 */
final class GatedLoss implements SaeLoss {
  private final FeatureWeights features;
  private final double penalty;
  private final AuxiliaryLoss auxiliary;
  private final TrainedVector scale;
  private final TrainedVector bias;

  /**
   * Describes the losses of features.
   *
   * @param features their bias is that of gates
   */
  GatedLoss(FeatureWeights features, double penalty, AuxiliaryLoss auxiliary) {
    this.features = features;
    this.penalty = penalty;
    this.auxiliary = auxiliary;
    this.scale = TrainedVector.zeros("r_mag", features.features());
    this.bias = TrainedVector.zeros("b_mag", features.features());
  }

  @Override
  public List<TrainedVector> vectors() {
    return List.of(scale, bias);
  }

  @Override
  public SaeStep step(float[][] inputs, float[][] outputs, float[] outputBias, double strength) {
    int[] dead = auxiliary.dead();
    float[] factors = factors();
    float[][] scaled = features.products(inputs);
    float[][] gates = plus(scaled, features.bias()[0]);
    for (float[] row : scaled) {
      for (int f = 0; f < row.length; f++) {
        row[f] *= factors[f];
      }
    }
    float[][] magnitudes = plus(scaled, bias.values());
    ActiveFeatures active =
        features.counted(
            ActiveFeatures.of(magnitudes, (t, ids) -> positive(gates[t], magnitudes[t], ids)));
    ActiveFeatures open = ActiveFeatures.of(gates, (t, ids) -> positive(gates[t], gates[t], ids));
    float[][] errors = features.errors(active, outputBias, outputs);
    float[][] ofGates = features.errors(open, outputBias, outputs);
    float factor = 2f / inputs.length;
    float penalized = (float) (strength * penalty / inputs.length);
    List<Part> parts = new ArrayList<>();
    parts.add(ofMagnitudes(active, TokenRows.common(errors), factor, scaled, factors));
    parts.add(Part.ofPenalty(features, open, TokenRows.common(ofGates), factor, penalized));
    auxiliary.addTo(parts, dead, gates, errors);
    return new SaeStep(
        active,
        errors,
        Vectors.sum(errors, ofGates),
        new FeatureGradients(features, inputs, parts));
  }

  private float[] factors() {
    float[] factors = scale.values().clone();
    for (int f = 0; f < factors.length; f++) {
      factors[f] = (float) StrictMath.exp(factors[f]);
    }
    return factors;
  }

  private static float[][] plus(float[][] rows, float[] bias) {
    float[][] sums = Vectors.copy(rows);
    Arrays.stream(sums).parallel().forEach(row -> Vectors.add(row, bias));
    return sums;
  }

  /**
   * Returns the gradient through magnitudes, and sets those of their scale and bias.
   *
   * @param scaled products of inputs and encoder times factors, [batch][F]
   */
  private Part ofMagnitudes(
      ActiveFeatures active, TokenRows errors, float factor, float[][] scaled, float[] factors) {
    float[] slopes = Part.valueSlopes(features, active, errors, factor);
    var ofScale = new float[factors.length];
    var ofBias = new float[factors.length];
    active.forEach(
        (f, i) -> {
          ofBias[f] += slopes[i];
          ofScale[f] += slopes[i] * scaled[active.token(i)][f];
          slopes[i] *= factors[f];
        });
    scale.gradient(ofScale);
    bias.gradient(ofBias);
    return new Part(active, errors, factor, slopes, null, false);
  }

  /** Selects the elements that are positive in both rows. */
  private static int positive(float[] row, float[] other, int[] selected) {
    int n = 0;
    for (int f = 0; f < row.length; f++) {
      selected[n] = f;
      n += Math.min(row[f], other[f]) > 0 ? 1 : 0;
    }
    return n;
  }
}
