package dev.vidrio.lens.hook;

import static dev.vidrio.lens.hook.HookSite.Axes.EXPERTS;
import static dev.vidrio.lens.hook.HookSite.Axes.FFN;
import static dev.vidrio.lens.hook.HookSite.Axes.HEADS;
import static dev.vidrio.lens.hook.HookSite.Axes.KV_HEADS;
import static dev.vidrio.lens.hook.HookSite.Axes.ONE;
import static dev.vidrio.lens.hook.HookSite.Axes.QUERY_KEY;
import static dev.vidrio.lens.hook.HookSite.Axes.RESULTS;
import static dev.vidrio.lens.hook.HookSite.Axes.SHARED;
import static dev.vidrio.lens.hook.HookSite.Axes.VOCABULARY;
import static dev.vidrio.lens.hook.HookSite.Axes.WIDTH;
import static dev.vidrio.lens.hook.HookSite.Place.BLOCK;
import static dev.vidrio.lens.hook.HookSite.Place.MODEL;

/**
 * The sites of hook points, in the order of a forward pass. A model has those that its architecture
 * computes: no {@code hook_pos_embed} with rotary positions, no {@code hook_resid_mid} with
 * parallel attention and feed-forward blocks. A block has those of attention, of a convolution or
 * of a recurrence, or of the first and the last.
 */
public enum HookSite {
  /** What is added to positions, or what the first block reads. */
  EMBED("hook_embed", MODEL, WIDTH),
  /** The embeddings of the positions, where the model adds such. */
  POS_EMBED("hook_pos_embed", MODEL, WIDTH),
  /** The residual stream as a block reads it. */
  RESID_PRE("hook_resid_pre", BLOCK, WIDTH),
  /** What the norm divides by. */
  LN1_SCALE("ln1.hook_scale", BLOCK, ONE),
  /** Before the gain. */
  LN1_NORMALIZED("ln1.hook_normalized", BLOCK, WIDTH),
  /** The queries, before norm and rotation. */
  Q("attn.hook_q", BLOCK, HEADS),
  /** The keys, before norm and rotation. */
  K("attn.hook_k", BLOCK, KV_HEADS),
  /** The values. */
  V("attn.hook_v", BLOCK, KV_HEADS),
  /** After norm and rotation. */
  ROT_Q("attn.hook_rot_q", BLOCK, HEADS),
  /** After norm and rotation. */
  ROT_K("attn.hook_rot_k", BLOCK, KV_HEADS),
  /** As the softmax takes them: scaled, capped, −∞ where masked. */
  ATTN_SCORES("attn.hook_attn_scores", BLOCK, QUERY_KEY),
  /** The weights of attention: what the softmax gives. */
  PATTERN("attn.hook_pattern", BLOCK, QUERY_KEY),
  /**
   * The values, summed by the pattern, where a gate (arXiv 2505.06708) or a norm (arXiv 2210.06423)
   * stands behind them.
   */
  Z_PRE("attn.hook_z_pre", BLOCK, HEADS),
  /** That gate, before its activation. */
  GATE("attn.hook_gate", BLOCK, HEADS),
  /**
   * The values, summed by the pattern, and gated or normalized: what a head has before it is
   * projected to the stream.
   */
  Z("attn.hook_z", BLOCK, HEADS),
  /** What each head adds to the output of attention. */
  RESULT("attn.hook_result", BLOCK, RESULTS),
  /** What a norm between attention and the stream divides by, where there is one before too. */
  LN1_POST_SCALE("ln1_post.hook_scale", BLOCK, ONE),
  /** Before the gain. */
  LN1_POST_NORMALIZED("ln1_post.hook_normalized", BLOCK, WIDTH),
  /** What attention adds to the stream. */
  ATTN_OUT("hook_attn_out", BLOCK, WIDTH),
  /** Of a gated short convolution (arXiv 2511.23404), the gate before it. */
  CONV_B("conv.hook_b", BLOCK, WIDTH),
  /** What that gate multiplies. */
  CONV_X("conv.hook_x", BLOCK, WIDTH),
  /** Their product: what is convolved. */
  CONV_PRE("conv.hook_pre", BLOCK, WIDTH),
  /** What the convolution gives. */
  CONV_MID("conv.hook_mid", BLOCK, WIDTH),
  /** The gate behind it. */
  CONV_C("conv.hook_c", BLOCK, WIDTH),
  /** The product of the two, before it is projected to the stream. */
  CONV_POST("conv.hook_post", BLOCK, WIDTH),
  /** What the convolution adds to the stream, in the place of attention. */
  CONV_OUT("hook_conv_out", BLOCK, WIDTH),
  /** Of a recurrence (linear attention, arXiv 2412.06464), its queries before their convolution. */
  RECURRENT_Q_PRE("recurrent.hook_q_pre", BLOCK, WIDTH),
  /** The keys before theirs. */
  RECURRENT_K_PRE("recurrent.hook_k_pre", BLOCK, WIDTH),
  /** The values before theirs. */
  RECURRENT_V_PRE("recurrent.hook_v_pre", BLOCK, WIDTH),
  /** The queries that states are asked with. */
  RECURRENT_Q("recurrent.hook_q", BLOCK, WIDTH),
  /** The keys that values are stored under. */
  RECURRENT_K("recurrent.hook_k", BLOCK, WIDTH),
  /** Those values. */
  RECURRENT_V("recurrent.hook_v", BLOCK, WIDTH),
  /** By how much the state of each head decays, in units of its rate. */
  RECURRENT_STEP("recurrent.hook_step", BLOCK, WIDTH),
  /** How strongly a token changes the state of each head. */
  RECURRENT_BETA("recurrent.hook_beta", BLOCK, WIDTH),
  /** What the states answer. */
  RECURRENT_Z("recurrent.hook_z", BLOCK, WIDTH),
  /** The gate of that, before its activation. */
  RECURRENT_GATE("recurrent.hook_gate", BLOCK, WIDTH),
  /** Normalized and gated, before it is projected to the stream. */
  RECURRENT_POST("recurrent.hook_post", BLOCK, WIDTH),
  /** What the recurrence adds to the stream, in the place of attention or beside it. */
  RECURRENT_OUT("hook_recurrent_out", BLOCK, WIDTH),
  /** What a projection of low rank beside attention adds to the stream (arXiv 2411.07501). */
  LAUREL_OUT("hook_laurel_out", BLOCK, WIDTH),
  /** The residual stream between attention and feed-forward block. */
  RESID_MID("hook_resid_mid", BLOCK, WIDTH),
  /** What the norm divides by. */
  LN2_SCALE("ln2.hook_scale", BLOCK, ONE),
  /** Before the gain. */
  LN2_NORMALIZED("ln2.hook_normalized", BLOCK, WIDTH),
  /** The numbers of a token's experts. */
  EXPERT_INDICES("mlp.hook_expert_indices", BLOCK, EXPERTS),
  /** The weights of a token's experts in the sum of what they give. */
  EXPERT_WEIGHTS("mlp.hook_expert_weights", BLOCK, EXPERTS),
  /** What the nonlinearity takes: of a gated block, its gate. */
  PRE("mlp.hook_pre", BLOCK, FFN),
  /** The other factor of a gated block. */
  PRE_LINEAR("mlp.hook_pre_linear", BLOCK, FFN),
  /** What the last product of a feed-forward block takes: the activations of its neurons. */
  POST("mlp.hook_post", BLOCK, FFN),
  /** Of the expert that all tokens go to, beside those that they are sent to. */
  SHARED_PRE("mlp.shared.hook_pre", BLOCK, SHARED),
  /** The other factor, where it is gated. */
  SHARED_PRE_LINEAR("mlp.shared.hook_pre_linear", BLOCK, SHARED),
  /** The activations of its neurons. */
  SHARED_POST("mlp.shared.hook_post", BLOCK, SHARED),
  /** What a norm behind the feed-forward block divides by, where there is one before too. */
  LN2_POST_SCALE("ln2_post.hook_scale", BLOCK, ONE),
  /** Before the gain. */
  LN2_POST_NORMALIZED("ln2_post.hook_normalized", BLOCK, WIDTH),
  /** What the feed-forward block adds to the stream. */
  MLP_OUT("hook_mlp_out", BLOCK, WIDTH),
  /** What a block adds last, of the token itself: by per-layer embeddings. */
  PER_LAYER_OUT("hook_per_layer_out", BLOCK, WIDTH),
  /** The residual stream behind a block. */
  RESID_POST("hook_resid_post", BLOCK, WIDTH),
  /** What the last norm divides by. */
  LN_FINAL_SCALE("ln_final.hook_scale", MODEL, ONE),
  /** Before the gain. */
  LN_FINAL_NORMALIZED("ln_final.hook_normalized", MODEL, WIDTH),
  /** The logits, behind the cap and the factor of the models that have them. */
  LOGITS("unembed.hook_out", MODEL, VOCABULARY);

  /** Whether a model has a site once, or in each of its blocks. */
  enum Place {
    MODEL,
    BLOCK
  }

  /** The axes of an activation of n tokens. */
  public enum Axes {
    /**
     * [n, d]; at a recurrent layer's own points [n, its heads] for steps and gates of a head, [n,
     * its heads · their width] for the others.
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
    /** [n, d_ffn], or [n, k, d_ffn] of k experts. */
    FFN,
    /** [n, k]. */
    EXPERTS,
    /** [n, width of the shared expert]. */
    SHARED,
    /** [n, V]. */
    VOCABULARY
  }

  private final String suffix;
  private final Place place;
  private final Axes axes;

  HookSite(String suffix, Place place, Axes axes) {
    this.suffix = suffix;
    this.place = place;
    this.axes = axes;
  }

  /** The name of a hook point, without its block. */
  public String suffix() {
    return suffix;
  }

  /** Whether each block of a model has one. */
  public boolean inBlock() {
    return place == BLOCK;
  }

  /** Whether it is the residual stream. */
  public boolean isResidualStream() {
    return switch (this) {
      case EMBED, RESID_PRE, RESID_MID, RESID_POST -> true;
      default -> false;
    };
  }

  /** The axes of its activations. */
  public Axes axes() {
    return axes;
  }
}
