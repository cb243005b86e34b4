package dev.vidrio.lens.decode.sae;

/** Gradients with respect to the weights of a sparse autoencoder. */
final class SaeGradients {
  /** Gradient of W_encᵀ, [d_sae][d_in]. */
  final float[][] encoder;

  /** Gradient of W_dec, [d_sae][d_out]. */
  final float[][] decoder;

  /** [d_sae]. */
  final float[] encoderBias;

  /** [d_out]. */
  final float[] decoderBias;

  SaeGradients(int features, int dIn, int dOut) {
    this.encoder = new float[features][dIn];
    this.decoder = new float[features][dOut];
    this.encoderBias = new float[features];
    this.decoderBias = new float[dOut];
  }
}
