package dev.vidrio.kernel.hook;

import static dev.vidrio.kernel.hook.HookSite.Axes.EXPERTS;
import static dev.vidrio.kernel.hook.HookSite.Axes.FFN;
import static dev.vidrio.kernel.hook.HookSite.Axes.HEADS;
import static dev.vidrio.kernel.hook.HookSite.Axes.KV_HEADS;
import static dev.vidrio.kernel.hook.HookSite.Axes.ONE;
import static dev.vidrio.kernel.hook.HookSite.Axes.QUERY_KEY;
import static dev.vidrio.kernel.hook.HookSite.Axes.RESULTS;
import static dev.vidrio.kernel.hook.HookSite.Axes.SHARED;
import static dev.vidrio.kernel.hook.HookSite.Axes.VOCABULARY;
import static dev.vidrio.kernel.hook.HookSite.Axes.WIDTH;
import static dev.vidrio.kernel.hook.HookSite.Scope.BLOCK;
import static dev.vidrio.kernel.hook.HookSite.Scope.MODEL;

/**
 * The kinds of activations that can be read and edited, in the order of a forward pass, with the
 * names of TransformerLens where it has them. Together with a layer, a site is a {@link HookPoint}.
 *
 * <p>A model has the sites that its architecture computes: no {@code hook_pos_embed} with rotary
 * positions, no {@code hook_resid_mid} with parallel attention and feed-forward blocks. Each block
 * has the sites of its own sublayers: attention, a convolution, a recurrence, or attention and a
 * recurrence.
 */
public enum HookSite {
  /** The token embeddings, before positions are added. */
  EMBED("hook_embed", MODEL, WIDTH),
  /** The learned position embeddings. */
  POS_EMBED("hook_pos_embed", MODEL, WIDTH),
  /** The residual stream at the input of a block. */
  RESID_PRE("hook_resid_pre", BLOCK, WIDTH),
  /** The divisor of the first norm of a block. */
  LN1_SCALE("ln1.hook_scale", BLOCK, ONE),
  /** The first norm of a block, before its gain. */
  LN1_NORMALIZED("ln1.hook_normalized", BLOCK, WIDTH),
  /** The queries, before their norm and RoPE. */
  Q("attn.hook_q", BLOCK, HEADS),
  /** The keys, before their norm and RoPE. */
  K("attn.hook_k", BLOCK, KV_HEADS),
  /** The values. */
  V("attn.hook_v", BLOCK, KV_HEADS),
  /** The queries after their norm and RoPE. */
  ROT_Q("attn.hook_rot_q", BLOCK, HEADS),
  /** The keys after their norm and RoPE. */
  ROT_K("attn.hook_rot_k", BLOCK, KV_HEADS),
  /** The attention scores as the softmax reads them: scaled, soft-capped, −∞ where masked. */
  ATTN_SCORES("attn.hook_attn_scores", BLOCK, QUERY_KEY),
  /** The attention pattern: the softmax of the scores. */
  PATTERN("attn.hook_pattern", BLOCK, QUERY_KEY),
  /**
   * The pattern-weighted sum of the values, before the output gate (arXiv 2505.06708) or the output
   * norm (arXiv 2210.06423) of architectures that have one.
   */
  Z_PRE("attn.hook_z_pre", BLOCK, HEADS),
  /** The output gate of attention, before its activation function. */
  GATE("attn.hook_gate", BLOCK, HEADS),
  /**
   * The pattern-weighted sum of the values, after the output gate or norm if there is one: the
   * input of the output projection W_O.
   */
  Z("attn.hook_z", BLOCK, HEADS),
  /** The contribution of each head to the output of attention. */
  RESULT("attn.hook_result", BLOCK, RESULTS),
  /** The divisor of the norm after attention, in blocks that also have one before it. */
  LN1_POST_SCALE("ln1_post.hook_scale", BLOCK, ONE),
  /** The norm after attention, before its gain, in blocks that also have one before it. */
  LN1_POST_NORMALIZED("ln1_post.hook_normalized", BLOCK, WIDTH),
  /** The output of attention, as it is added to the residual stream. */
  ATTN_OUT("hook_attn_out", BLOCK, WIDTH),
  /** The input gate of a gated short convolution (arXiv 2511.23404). */
  CONV_B("conv.hook_b", BLOCK, WIDTH),
  /** The input that {@code conv.hook_b} gates. */
  CONV_X("conv.hook_x", BLOCK, WIDTH),
  /** The product of the input and its gate: the input of the convolution. */
  CONV_PRE("conv.hook_pre", BLOCK, WIDTH),
  /** The output of the convolution. */
  CONV_MID("conv.hook_mid", BLOCK, WIDTH),
  /** The output gate of the convolution. */
  CONV_C("conv.hook_c", BLOCK, WIDTH),
  /** The gated output of the convolution: the input of the output projection. */
  CONV_POST("conv.hook_post", BLOCK, WIDTH),
  /** The output of the convolution sublayer, as it is added to the residual stream. */
  CONV_OUT("hook_conv_out", BLOCK, WIDTH),
  /** The queries of a recurrence (linear attention, arXiv 2412.06464), before their convolution. */
  RECURRENT_Q_PRE("recurrent.hook_q_pre", BLOCK, WIDTH),
  /** The keys of a recurrence, before their convolution. */
  RECURRENT_K_PRE("recurrent.hook_k_pre", BLOCK, WIDTH),
  /** The values of a recurrence, before their convolution. */
  RECURRENT_V_PRE("recurrent.hook_v_pre", BLOCK, WIDTH),
  /** The queries that read the state. */
  RECURRENT_Q("recurrent.hook_q", BLOCK, WIDTH),
  /** The keys under which the state stores values. */
  RECURRENT_K("recurrent.hook_k", BLOCK, WIDTH),
  /** The values that the state stores. */
  RECURRENT_V("recurrent.hook_v", BLOCK, WIDTH),
  /** The decay of each head's state, or of each element of a state, in units of its rate. */
  RECURRENT_STEP("recurrent.hook_step", BLOCK, WIDTH),
  /** The strength of the update of each head's state, or of each element of a state. */
  RECURRENT_BETA("recurrent.hook_beta", BLOCK, WIDTH),
  /** The output of the recurrence: the states, read by the queries if there are any. */
  RECURRENT_Z("recurrent.hook_z", BLOCK, WIDTH),
  /** The output gate of the recurrence, before its activation function. */
  RECURRENT_GATE("recurrent.hook_gate", BLOCK, WIDTH),
  /** The gated output of the recurrence, maybe normalized: the input of the output projection. */
  RECURRENT_POST("recurrent.hook_post", BLOCK, WIDTH),
  /** The output of the recurrent sublayer, as it is added to the residual stream. */
  RECURRENT_OUT("hook_recurrent_out", BLOCK, WIDTH),
  /** The output of the low-rank projection parallel to attention (LAuReL, arXiv 2411.07501). */
  LAUREL_OUT("hook_laurel_out", BLOCK, WIDTH),
  /** The residual stream between attention and the feed-forward block. */
  RESID_MID("hook_resid_mid", BLOCK, WIDTH),
  /** The divisor of the second norm of a block. */
  LN2_SCALE("ln2.hook_scale", BLOCK, ONE),
  /** The second norm of a block, before its gain. */
  LN2_NORMALIZED("ln2.hook_normalized", BLOCK, WIDTH),
  /** The indices of the experts that a token is routed to, as floats. */
  EXPERT_INDICES("mlp.hook_expert_indices", BLOCK, EXPERTS),
  /** The weights of a token's experts in the sum of their outputs. */
  EXPERT_WEIGHTS("mlp.hook_expert_weights", BLOCK, EXPERTS),
  /** The input of the activation function; in a gated block, the gate. */
  PRE("mlp.hook_pre", BLOCK, FFN),
  /** The linear factor of a gated feed-forward block. */
  PRE_LINEAR("mlp.hook_pre_linear", BLOCK, FFN),
  /** The neuron activations: the input of the down projection. */
  POST("mlp.hook_post", BLOCK, FFN),
  /** {@link #PRE} of the shared expert, which all tokens go through. */
  SHARED_PRE("mlp.shared.hook_pre", BLOCK, SHARED),
  /** {@link #PRE_LINEAR} of the shared expert. */
  SHARED_PRE_LINEAR("mlp.shared.hook_pre_linear", BLOCK, SHARED),
  /** {@link #POST} of the shared expert. */
  SHARED_POST("mlp.shared.hook_post", BLOCK, SHARED),
  /** The divisor of the norm after the feed-forward block, in blocks with one before it too. */
  LN2_POST_SCALE("ln2_post.hook_scale", BLOCK, ONE),
  /** The norm after the feed-forward block, before its gain, in blocks with one before it too. */
  LN2_POST_NORMALIZED("ln2_post.hook_normalized", BLOCK, WIDTH),
  /** The output of the feed-forward block, as it is added to the residual stream. */
  MLP_OUT("hook_mlp_out", BLOCK, WIDTH),
  /** The contribution of the per-layer token embeddings, added at the end of a block. */
  PER_LAYER_OUT("hook_per_layer_out", BLOCK, WIDTH),
  /** The residual stream at the output of a block. */
  RESID_POST("hook_resid_post", BLOCK, WIDTH),
  /** The divisor of the final norm. */
  LN_FINAL_SCALE("ln_final.hook_scale", MODEL, ONE),
  /** The final norm, before its gain. */
  LN_FINAL_NORMALIZED("ln_final.hook_normalized", MODEL, WIDTH),
  /** The logits, after the scale and the soft cap of models that have them. */
  LOGITS("unembed.hook_out", MODEL, VOCABULARY);

  /** Distinguishes sites that a model has once from sites that each block has. */
  enum Scope {
    MODEL,
    BLOCK
  }

  /** The axes of an activation of n tokens. */
  public enum Axes {
    /**
     * [n, d]; at the sites of a recurrence [n, H] for steps and gates of heads, [n, H · d_h] for
     * the others, with the number and width of its own heads.
     */
    WIDTH,
    /** [n, 1]. */
    ONE,
    /** [n, H, d_h]. */
    HEADS,
    /** [n, H_kv, d_h]. */
    KV_HEADS,
    /** [H, n, n_kv]. */
    QUERY_KEY,
    /** [n, H, d]. */
    RESULTS,
    /** [n, d_ffn], or [n, k, d_ffn] with k experts per token. */
    FFN,
    /** [n, k]. */
    EXPERTS,
    /** [n, width of the shared expert]. */
    SHARED,
    /** [n, V]. */
    VOCABULARY
  }

  private final String suffix;
  private final Scope scope;
  private final Axes axes;

  HookSite(String suffix, Scope scope, Axes axes) {
    this.suffix = suffix;
    this.scope = scope;
    this.axes = axes;
  }

  /** Returns the name of the site's hook points without the block: {@code attn.hook_z}. */
  public String suffix() {
    return suffix;
  }

  /** Returns whether the site belongs to a block rather than to the model as a whole. */
  public boolean inBlock() {
    return scope == BLOCK;
  }

  /** Returns whether the site is the residual stream. */
  public boolean isResidualStream() {
    return switch (this) {
      case EMBED, RESID_PRE, RESID_MID, RESID_POST -> true;
      default -> false;
    };
  }

  /**
   * Returns whether the residual stream is a sum that includes the site's activations, such as the
   * outputs of sublayers; activations of {@link #RESULT} are parts of another one, and may pass a
   * norm before they are added.
   */
  public boolean isAddedToResidualStream() {
    return switch (this) {
      case EMBED, POS_EMBED, RESULT, ATTN_OUT, CONV_OUT, RECURRENT_OUT, MLP_OUT, PER_LAYER_OUT ->
          true;
      default -> false;
    };
  }

  /** Returns the axes of the site's activations. */
  public Axes axes() {
    return axes;
  }
}
