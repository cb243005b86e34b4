package dev.vidrio.lens.decode.sae.cross;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The weights of a crosscoder, with all normalizations folded in. */
final class CrosscoderWeights {
  /** [F][S · d]. */
  final float[][] encoder;

  /** [F]. */
  final float[] bias;

  /** [F][S · d]. */
  final float[][] decoder;

  /** [S][d]. */
  final float[][] outputBias;

  /** Thresholds of the values of features, [F]; null for ReLU. */
  final float @Nullable [] thresholds;

  /** Factors that give the activations equal mean norms, [S]; 1 if unknown. */
  final float[] scales;

  /** Names of the hook points; empty if unknown. */
  final List<String> hooks;

  /** True if the activations are of two models. */
  final boolean models;

  CrosscoderWeights(
      float[][] encoder,
      float[] bias,
      float[][] decoder,
      float[][] outputBias,
      float @Nullable [] thresholds,
      float[] scales,
      List<String> hooks,
      boolean models) {
    this.encoder = encoder;
    this.bias = bias;
    this.decoder = decoder;
    this.outputBias = outputBias;
    this.thresholds = thresholds;
    this.scales = scales;
    this.hooks = List.copyOf(hooks);
    this.models = models;
  }
}
