package dev.vidrio.lens.decode.sae;

import java.util.List;

/** A dictionary that reconstructs one activation of a token, from this or another one. */
public interface Autoencoder extends FeatureDictionary {
  /**
   * The features of tokens, and the activations that they reconstruct.
   *
   * @param features the active features of each token
   * @param outputs the activation of each token, [d_out]
   */
  record Reconstruction(List<Features> features, List<float[]> outputs) {
    public Reconstruction {
      features = List.copyOf(features);
      outputs = List.copyOf(outputs);
    }
  }

  /** Returns the reconstruction of rows, as {@link #encode} takes them. */
  Reconstruction reconstruct(float[][] rows);
}
