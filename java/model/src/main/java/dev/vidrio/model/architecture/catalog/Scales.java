package dev.vidrio.model.architecture.catalog;

import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;

/** Constant factors of embeddings, residual additions and logits (after arXiv 2203.03466). */
final class Scales {
  private static final float MIN = 1e-6f;
  private static final float MAX = 1e6f;

  private Scales() {}

  /** Reads a factor, 1 by default. */
  static float scale(Hyperparameters params, String key) {
    return scale(params, key, 1);
  }

  /** Reads a factor with a default. */
  static float scale(Hyperparameters params, String key, float fallback) {
    return params.floatValue(key, MIN, MAX, fallback);
  }

  /** Reads the factor of logits. */
  static float logits(Transformer model) {
    return scale(model.params(), "logit_scale");
  }

  /** Reads the factor of logits, which the file must have. */
  static float requiredLogits(Transformer model) {
    return model.params().floatValue("logit_scale", MIN, MAX);
  }

  /** Reads the factor of embeddings. */
  static float embedding(Transformer model) {
    return scale(model.params(), "embedding_scale");
  }

  /** Reads the factor of what sublayers add to the residual stream. */
  static Sublayer residual(Transformer model) {
    return model.scale(scale(model.params(), "residual_scale"));
  }
}
