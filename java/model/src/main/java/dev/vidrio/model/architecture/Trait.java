package dev.vidrio.model.architecture;

/**
 * A difference from a plain transformer: layers of softmax attention and a feed-forward block on
 * one residual stream. Lens methods support or reject models by such differences.
 */
public enum Trait {
  /** Some layers have a short convolution instead of attention. */
  SHORT_CONVOLUTION,
  /** Some layers have a gated delta rule (arXiv 2412.06464) instead of attention. */
  GATED_DELTA_RULE,
  /**
   * Some layers have a real-gated linear recurrent unit (arXiv 2402.19427) instead of attention.
   */
  RG_LRU,
  /** Layers have Mamba 2 (arXiv 2405.21060), instead of attention or in parallel to it. */
  MAMBA_2,
  /** Each layer has one sublayer: a mixer or a feed-forward block. */
  ONE_SUBLAYER,
  /** Some layers have no mixer at all, or a linear map. */
  LAYERS_WITHOUT_ATTENTION,
  /** Gates multiply the output of attention before the output projection. */
  ATTENTION_GATE,
  /** A norm of the output of attention before the output projection. */
  ATTENTION_OUTPUT_NORM,
  /** Attention to compressed keys and values (MLA, arXiv 2405.04434). */
  LATENT_ATTENTION,
  /** Attention sinks: a learned logit per head without a value. */
  ATTENTION_SINKS,
  /** Values are normalized per head. */
  VALUE_NORM,
  /** Learned absolute positions. */
  LEARNED_POSITIONS,
  /** Norms after both sublayers in addition to those before, where the file has them. */
  SANDWICH_NORM,
  /** A norm after the feed-forward block. */
  FEED_FORWARD_OUTPUT_NORM,
  /** Routers or experts read the residual stream before attention. */
  EXPERTS_BEFORE_ATTENTION,
  /** Layers have token embeddings of their own. */
  PER_LAYER_EMBEDDING,
  /** Attention is bidirectional, and the output are hidden states instead of logits. */
  ENCODER,
  /** Several residual streams (AltUp, arXiv 2301.13310). */
  PARALLEL_STREAMS
}
