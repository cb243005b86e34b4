package dev.vidrio.lens.decode.sae;

import java.util.List;

/**
 * Features that read activations of a token and write activations: those of an autoencoder, of a
 * transcoder, of one layer of a cross-layer transcoder, or of a crosscoder. Those of a temporal
 * autoencoder also depend on the activations of earlier tokens.
 *
 * @see "docs/lens/dictionaries.md"
 */
public interface FeatureDictionary extends AutoCloseable {
  /**
   * Returns the names of the hook points that features read. They are of one width each, and rows
   * are their activations, concatenated.
   */
  List<String> hooksIn();

  /** Returns the names of the hook points that features write. */
  List<String> hooksOut();

  /** Returns F, the number of features. */
  int features();

  /** Returns whether values of features may be negative. */
  default boolean isSigned() {
    return false;
  }

  /**
   * Returns the active features of each of some rows. They must be the tokens of a text from its
   * first on if features depend on earlier tokens.
   */
  List<Features> encode(float[][] rows);

  /**
   * Returns what a feature of value 1 writes, [d]: the sum over layers of a cross-layer transcoder,
   * and the part of the last activation of a crosscoder.
   *
   * @throws dev.vidrio.error.InvalidInputException if the feature does not exist
   */
  float[] direction(int feature);

  @Override
  void close();
}
