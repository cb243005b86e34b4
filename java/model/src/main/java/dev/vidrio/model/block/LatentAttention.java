package dev.vidrio.model.block;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rotation.Temperature;
import dev.vidrio.kernel.weight.Weights;
import java.util.function.IntUnaryOperator;

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
  private final Rotation.Pairs pairs;
  private final int turning;
  private final int keyRank;
  private final int queryRank;
  private final float epsilon;
  private final float scale;
  private final Rotation rotation;
  private final Rotation queryRotation;
  private final Weights sharing;

  /**
   * The sizes of a model all of whose layers attend like this.
   *
   * @param drafts blocks behind the others, which are no layers of the model
   */
  public static Sizes sizes(Keys keys, int drafts) {
    int layers = Sizes.layers(keys, drafts);
    KvShape.KeyValue heads = heads(keys);
    int dFfn = keys.sameInEveryLayer(Sizes.FFN_WIDTH, 1, Sizes.MAX_WIDTH);
    return Sizes.read(keys, layers, heads.dH(), dFfn, new KvShape(layers, heads));
  }

  /** The heads that a model's cache holds. */
  private static KvShape.KeyValue heads(Keys keys) {
    // Files for attention over latent vectors say their lengths, and those of heads elsewhere.
    String suffix = keys.has(KEY_LENGTH + "_mla") ? "_mla" : "";
    int heads = Sizes.heads(keys);
    String values = VALUE_LENGTH + suffix;
    return new KvShape.KeyValue(
        heads,
        keys.intValue(KEY_LENGTH + suffix, 4, KvShape.HEAD_MAX),
        keys.has(values)
            ? keys.intValue(values, 1, KvShape.HEAD_MAX)
            : keys.intValue("embedding_length", heads, heads * KvShape.HEAD_MAX) / heads);
  }

  /** That of all layers of a model, whose scaling may be a factor of scores. */
  public LatentAttention(Transformer model) {
    this(model, model.rope(Rotation.Pairs.INTERLEAVED).sharpeningScores());
  }

  private LatentAttention(Transformer model, RopeReader rope) {
    this(model, Rotation.Pairs.INTERLEAVED, rope.scaled(), rope.temperature(), rope.scoreFactor());
  }

  /**
   * That of all layers of a model.
   *
   * @param pairs of the parts that turn, as the file has them; here they are adjacent
   * @param turns the rotation of these parts
   * @param scoreFactor what scores are multiplied by beside 1/√d_h
   */
  public LatentAttention(
      Transformer model, Rotation.Pairs pairs, Rotation turns, double scoreFactor) {
    this(model, pairs, turns, Temperature.NONE, scoreFactor);
  }

  private LatentAttention(
      Transformer model,
      Rotation.Pairs pairs,
      Rotation turns,
      Temperature temperature,
      double scoreFactor) {
    this.model = model;
    this.weights = model.weights();
    this.plan = model.plan();
    Keys keys = model.keys();
    KvShape.KeyValue shape = model.sizes().kvShape().keyValue(0);
    this.heads = shape.heads();
    this.dH = shape.dH();
    this.dV = shape.dV();
    this.pairs = pairs;
    this.turning = turns.width();
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
    this.scale = (float) (scoreFactor / Math.sqrt(dH));
    this.rotation = behind(turns);
    this.queryRotation = rotation.withTemperature(temperature);
    this.sharing = sharing();
  }

  /** A rotation behind the part of a head that stays as it is. */
  public Rotation behind(Rotation turns) {
    return turns.afterIdentity(dH - turning);
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
      Buffer turns = sharedKey(layer, x);
      Buffer shared = plan.matMul(layer.hook("attn.k_shared"), sharing, turns);
      Buffer k = plan.add(layer.hook(HookSite.K), own, shared);
      Buffer v = plan.matMul(layer.hook(HookSite.V), valueMatrix(layer), normalized);
      plan.kvStore(layer.cache(), plan.rope(layer.hook(HookSite.ROT_K), rotation, dH, k), v);
      Buffer turned = plan.rope(layer.hook(HookSite.ROT_Q), queryRotation, dH, q);
      Buffer z =
          layer.attended(plan.attention(layer.hook(HookSite.Z), layer.cache(), scale, turned));
      return model.linear(hook, layer.tensor("attn_output"), model.sizes().d(), z);
    };
  }

  private Buffer queries(Layer layer, Buffer x) {
    if (queryRank == 0) {
      return queries(layer, "attn_q", x);
    }
    Buffer latent = layer.linear("attn.q_latent.unnormalized", "attn_q_a", queryRank, x);
    return queries(layer, "attn_q_b", norm(layer, "q", latent));
  }

  private Buffer queries(Layer layer, String tensor, Buffer x) {
    if (pairs == Rotation.Pairs.INTERLEAVED) {
      return layer.linear(HookSite.Q, tensor, heads * dH, x);
    }
    int still = dH - turning;
    return reordered(
        layer,
        layer.hook(HookSite.Q),
        tensor,
        heads * dH,
        heads * dH,
        row -> row % dH < still ? row : row - row % dH + still + ofPairs(row % dH - still),
        x);
  }

  /** The part of keys that turns. */
  private Buffer sharedKey(Layer layer, Buffer x) {
    return pairs == Rotation.Pairs.INTERLEAVED
        ? part(layer, "attn.k_turning", keyRank, turning, x)
        : reordered(
            layer,
            layer.hook("attn.k_turning"),
            "attn_kv_a_mqa",
            keyRank + turning,
            turning,
            row -> keyRank + ofPairs(row),
            x);
  }

  /** Where the file has element i of a part that turns, whose pairs lie half a part apart. */
  private int ofPairs(int i) {
    return i / 2 + i % 2 * (turning / 2);
  }

  private Buffer reordered(
      Layer layer, String name, String tensor, int rows, int n, IntUnaryOperator source, Buffer x) {
    Weights matrix =
        weights.rows(layer.tensor(tensor + ".weight"), "pairs", rows, n, x.width(), source);
    return plan.matMul(name, matrix, x);
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
    return layer.fused(layer.hook(name), "attn_kv_a_mqa", first, n, keyRank + turning, x);
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
