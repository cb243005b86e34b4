package dev.vidrio.lens.decode.sae;

/** Gradients with respect to the weights of a sparse autoencoder. */
final class SaeGradients {
  /** Gradient of W_encᵀ, [d_sae][d]. */
  final float[][] encoder;

  /** Gradient of W_dec, [d_sae][d]. */
  final float[][] decoder;

  /** [d_sae]. */
  final float[] encoderBias;

  /** [d]. */
  final float[] decoderBias;

  SaeGradients(int features, int d) {
    this.encoder = new float[features][d];
    this.decoder = new float[features][d];
    this.encoderBias = new float[features];
    this.decoderBias = new float[d];
  }
}
