package dev.vidrio.model.block;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.weight.Weights;

/**
 * Multi-head latent attention (DeepSeek-AI 2024, arXiv 2405.04434): keys and values of all heads
 * are projections of one short vector, and a part of each key, the one that turns, is the same in
 * all heads. Queries may be projections of a short vector too.
 *
 * <p>The heads are written out: each has its key and its value in the cache, so that activations
 * are those of any attention.
 */
public final class LatentAttention {
  private static final String KEY_LENGTH = "attention.key_length";
  private static final String VALUE_LENGTH = "attention.value_length";

  private final Transformer model;
  private final WeightLoader weights;
  private final PlanBuilder plan;
  private final int heads;
  private final int dH;
  private final int dV;
  private final int turning;
  private final int keyRank;
  private final int queryRank;
  private final float epsilon;
  private final float scale;
  private final Rotation rotation;
  private final Weights sharing;

  /** The heads that a model's cache holds. */
  public static KvShape.Layer heads(Keys keys) {
    // Files for attention over latent vectors say their lengths, and those of heads elsewhere.
    String suffix = keys.has(KEY_LENGTH + "_mla") ? "_mla" : "";
    return new KvShape.Layer(
        Sizes.heads(keys),
        keys.intValue(KEY_LENGTH + suffix, 4, KvShape.HEAD_MAX),
        keys.intValue(VALUE_LENGTH + suffix, 1, KvShape.HEAD_MAX));
  }

  /** That of all layers of a model. */
  public LatentAttention(Transformer model) {
    this.model = model;
    this.weights = model.weights();
    this.plan = model.plan();
    Keys keys = model.keys();
    KvShape.Layer shape = model.sizes().kvShape().layer(0);
    this.heads = shape.heads();
    this.dH = shape.dH();
    this.dV = shape.dV();
    RopeReader rope = model.rope(Rotation.Pairs.INTERLEAVED).sharpeningScores();
    this.turning = rope.width();
    if (dH % 2 != 0 || turning == dH) {
      throw keys.error(
          "rope.dimension_count",
          Integer.toString(turning),
          "must be less than the " + dH + " elements of a key, and these even");
    }
    this.keyRank = keys.intValue("attention.kv_lora_rank", 1, Sizes.MAX_WIDTH);
    this.queryRank = keys.intValue("attention.q_lora_rank", 0, Sizes.MAX_WIDTH, 0);
    this.epsilon =
        keys.floatValue("attention.latent_norm_rms_epsilon", Float.MIN_NORMAL, 1, model.epsilon());
    this.scale = (float) (rope.scoreFactor() / Math.sqrt(dH));
    this.rotation = rope.scaled().behind(dH - turning);
    this.sharing = sharing();
  }

  /** The matrix that gives each head, behind zeros, a copy of the part of the key that turns. */
  private Weights sharing() {
    var ones = new float[Math.multiplyExact(heads * dH, turning)];
    for (int row = 0; row < heads * dH; row++) {
      int i = row % dH - (dH - turning);
      if (i >= 0) {
        ones[row * turning + i] = 1;
      }
    }
    return weights.constants("attn_k.sharing", heads * dH, turning, ones);
  }

  /** The attention of a layer. */
  public Sublayer of(Layer layer) {
    return (hook, x) -> {
      Buffer q = queries(layer, x);
      Buffer latent = part(layer, "attn.kv_latent.unnormalized", 0, keyRank, x);
      Buffer normalized = norm(layer, "kv", latent);
      Buffer own = plan.matMul(layer.hook("attn.k_own"), keyMatrix(layer), normalized);
      Buffer turns = part(layer, "attn.k_turning", keyRank, turning, x);
      Buffer shared = plan.matMul(layer.hook("attn.k_shared"), sharing, turns);
      Buffer k = plan.add(layer.hook("attn.hook_k"), own, shared);
      Buffer v = plan.matMul(layer.hook("attn.hook_v"), valueMatrix(layer), normalized);
      plan.kvStore(layer.index(), plan.rope(layer.hook("attn.hook_rot_k"), rotation, dH, k), v);
      Buffer turned = plan.rope(layer.hook("attn.hook_rot_q"), rotation, dH, q);
      Buffer z = plan.attention(layer.hook("attn.hook_z"), layer.index(), scale, turned);
      return model.linear(hook, layer.tensor("attn_output"), model.sizes().d(), z);
    };
  }

  private Buffer queries(Layer layer, Buffer x) {
    if (queryRank == 0) {
      return layer.linear("attn.hook_q", "attn_q", heads * dH, x);
    }
    Buffer latent = layer.linear("attn.q_latent.unnormalized", "attn_q_a", queryRank, x);
    return layer.linear("attn.hook_q", "attn_q_b", heads * dH, norm(layer, "q", latent));
  }

  private Buffer norm(Layer layer, String which, Buffer latent) {
    return model.norm(
        layer.hook("attn." + which + "_latent"),
        layer.tensor("attn_" + which + "_a_norm"),
        epsilon,
        latent);
  }

  /** Rows of the projection to the latent vector and, behind it, the part that turns. */
  private Buffer part(Layer layer, String name, int first, int n, Buffer x) {
    return layer.fused(name, "attn_kv_a_mqa", first, n, keyRank + turning, x);
  }

  /** From the latent vector to keys, whose part that turns is zero: [H · d_h, rank]. */
  private Weights keyMatrix(Layer layer) {
    int still = dH - turning;
    String split = layer.tensor("attn_k_b.weight");
    if (weights.has(split)) {
      return weights.transposedHeads(split, heads, keyRank, still, dH);
    }
    return weights.rows(
        layer.tensor("attn_kv_b.weight"),
        "keys",
        heads * (still + dV),
        heads * dH,
        keyRank,
        row -> row % dH < still ? row / dH * (still + dV) + row % dH : -1);
  }

  /** From the latent vector to values: [H · d_v, rank]. */
  private Weights valueMatrix(Layer layer) {
    int still = dH - turning;
    String split = layer.tensor("attn_v_b.weight");
    if (weights.has(split)) {
      return weights.stackedMatrix(split, heads, dV, keyRank);
    }
    return weights.rows(
        layer.tensor("attn_kv_b.weight"),
        "values",
        heads * (still + dV),
        heads * dV,
        keyRank,
        row -> row / dV * (still + dV) + still + row % dV);
  }
}
