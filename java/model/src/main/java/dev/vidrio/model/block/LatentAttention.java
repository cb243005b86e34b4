package dev.vidrio.model.block;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rotation.Temperature;
import dev.vidrio.kernel.weight.Weights;
import java.util.Objects;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Multi-head latent attention (MLA; DeepSeek-AI 2024, arXiv 2405.04434): keys and values of all
 * heads are projections of one latent vector, and all heads share the part of the key that has
 * RoPE. Queries may be projections of a latent vector too.
 *
 * <p>Runs decompressed by default: each head has its key and its value in the cache, so that
 * activations are those of standard attention. With a {@linkplain ModelVariant#latentCache latent
 * cache}, queries, patterns and the outputs of heads have their usual hook points; keys and values
 * of heads have none.
 */
public final class LatentAttention {
  private static final String KEY_LENGTH = "attention.key_length";
  private static final String VALUE_LENGTH = "attention.value_length";
  private static final String RANK = "attention.kv_lora_rank";
  private static final String TURNING = "rope.dimension_count";

  private final Transformer model;
  private final WeightLoader weights;
  private final PlanBuilder plan;
  private final LatentHeads heads;
  private final Rotation.Pairs pairs;
  private final int queryRank;
  private final float epsilon;
  private final float scale;
  private final Rotation rotation;
  private final Rotation queryRotation;
  private final @Nullable LatentCache cache;
  private final @Nullable Weights sharing;

  /**
   * Reads the dimensions of a model with latent attention in all layers.
   *
   * @param drafts number of draft blocks after the layers
   */
  public static ModelDimensions dimensions(Hyperparameters params, int drafts) {
    int layers = ModelDimensions.layers(params, drafts);
    KvShape.KeyValue heads = heads(params);
    int dFfn = params.uniform(ModelDimensions.FFN_WIDTH, 1, ModelDimensions.MAX_WIDTH);
    KvShape.KeyValue cached = params.hasLatentCache() ? latent(params) : heads;
    return ModelDimensions.read(params, layers, heads.dH(), dFfn, new KvShape(layers, cached));
  }

  /** Returns the one head of a cache of latent vectors. */
  private static KvShape.KeyValue latent(Hyperparameters params) {
    int turning = params.intValue(TURNING, 1, KvShape.HEAD_MAX - 1);
    return LatentCache.shape(params.intValue(RANK, 1, KvShape.HEAD_MAX - turning), turning);
  }

  /** Returns the keys and values of all heads. */
  private static KvShape.KeyValue heads(Hyperparameters params) {
    // Files for attention over latent vectors say their lengths, and those of heads elsewhere.
    String suffix = params.has(KEY_LENGTH + "_mla") ? "_mla" : "";
    int heads = ModelDimensions.heads(params);
    String values = VALUE_LENGTH + suffix;
    return new KvShape.KeyValue(
        heads,
        params.intValue(KEY_LENGTH + suffix, 4, KvShape.HEAD_MAX),
        params.has(values)
            ? params.intValue(values, 1, KvShape.HEAD_MAX)
            : params.intValue("embedding_length", heads, heads * KvShape.HEAD_MAX) / heads);
  }

  /** Reads the attention of all layers; YaRN may scale the scores. */
  public LatentAttention(Transformer model) {
    this(model, model.rope(Rotation.Pairs.INTERLEAVED).sharpeningScores());
  }

  private LatentAttention(Transformer model, RopeReader rope) {
    this(model, Rotation.Pairs.INTERLEAVED, rope.scaled(), rope.temperature(), rope.scoreFactor());
  }

  /**
   * Reads the attention of all layers.
   *
   * @param pairs RoPE pairs in the file; here they become adjacent
   * @param turns RoPE of the rotated part
   */
  public LatentAttention(Transformer model, Rotation.Pairs pairs, Rotation turns) {
    this(model, pairs, turns, Temperature.NONE, 1);
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
    Hyperparameters params = model.params();
    KvShape.KeyValue shape = heads(params);
    int dH = shape.dH();
    this.pairs = pairs;
    if (dH % 2 != 0 || turns.width() == dH) {
      throw params.error(
          TURNING,
          Integer.toString(turns.width()),
          "must be less than the " + dH + " elements of a key, and these even");
    }
    int rank = params.intValue(RANK, 1, ModelDimensions.MAX_WIDTH);
    this.heads = new LatentHeads(shape.heads(), dH, shape.dV(), turns.width(), rank);
    this.queryRank = params.intValue("attention.q_lora_rank", 0, ModelDimensions.MAX_WIDTH, 0);
    this.epsilon =
        params.floatValue(
            "attention.latent_norm_rms_epsilon", Float.MIN_NORMAL, 1, model.epsilon());
    this.scale = (float) (scoreFactor / Math.sqrt(dH));
    this.rotation = turns.afterIdentity(heads.still());
    this.queryRotation = rotation.withTemperature(temperature);
    boolean caches = params.hasLatentCache();
    this.cache = caches ? new LatentCache(model, heads, rotation, scale) : null;
    this.sharing = caches ? null : sharing();
  }

  /**
   * Returns the matrix that gives each head, after zeros, a copy of the rotated part of the key.
   */
  private Weights sharing() {
    int rows = heads.count() * heads.dH();
    var ones = new float[Math.multiplyExact(rows, heads.turning())];
    for (int row = 0; row < rows; row++) {
      int i = row % heads.dH() - heads.still();
      if (i >= 0) {
        ones[row * heads.turning() + i] = 1;
      }
    }
    return weights.constants("attn_k.sharing", rows, heads.turning(), ones);
  }

  /** Returns the attention of a layer. */
  public Sublayer of(Layer layer) {
    return (hook, x) -> {
      Buffer q = queries(layer, x);
      Buffer latent = part(layer, "attn.kv_latent.unnormalized", 0, heads.rank(), x);
      Buffer normalized = norm(layer, "kv", latent);
      Buffer turning = sharedKey(layer, x);
      Buffer turned = plan.rope(layer.hook(HookSite.ROT_Q), queryRotation, heads.dH(), q);
      Buffer z =
          cache == null
              ? attend(layer, turned, normalized, turning)
              : cache.attend(layer, turned, normalized, turning);
      return model.linear(hook, layer.tensor("attn_output"), model.dimensions().d(), z);
    };
  }

  /** Attends to the keys and values of heads. */
  private Buffer attend(Layer layer, Buffer q, Buffer latent, Buffer turning) {
    Buffer own = plan.matMul(layer.hook("attn.k_own"), keyMatrix(layer), latent);
    Weights copies = Objects.requireNonNull(sharing);
    Buffer shared = plan.matMul(layer.hook("attn.k_shared"), copies, turning);
    Buffer k = plan.add(layer.hook(HookSite.K), own, shared);
    Buffer v = plan.matMul(layer.hook(HookSite.V), valueMatrix(layer), latent);
    plan.kvStore(layer.cache(), plan.rope(layer.hook(HookSite.ROT_K), rotation, heads.dH(), k), v);
    return layer.attended(plan.attention(layer.hook(HookSite.Z), layer.cache(), scale, q));
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
      return layer.linear(HookSite.Q, tensor, heads.count() * heads.dH(), x);
    }
    int still = heads.still();
    return reordered(
        layer,
        layer.hook(HookSite.Q),
        tensor,
        heads.count() * heads.dH(),
        heads.count() * heads.dH(),
        row ->
            row % heads.dH() < still
                ? row
                : row - row % heads.dH() + still + ofPairs(row % heads.dH() - still),
        x);
  }

  /** Writes the rotated part of keys. */
  private Buffer sharedKey(Layer layer, Buffer x) {
    return pairs == Rotation.Pairs.INTERLEAVED
        ? part(layer, "attn.k_turning", heads.rank(), heads.turning(), x)
        : reordered(
            layer,
            layer.hook("attn.k_turning"),
            "attn_kv_a_mqa",
            heads.rank() + heads.turning(),
            heads.turning(),
            row -> heads.rank() + ofPairs(row),
            x);
  }

  /** Returns the file's index of element i of a rotated part with pairs half a part apart. */
  private int ofPairs(int i) {
    return i / 2 + i % 2 * (heads.turning() / 2);
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

  /** Writes rows of the projection to the latent vector and the rotated part, in this order. */
  private Buffer part(Layer layer, String name, int first, int n, Buffer x) {
    return layer.fused(
        layer.hook(name), "attn_kv_a_mqa", first, n, heads.rank() + heads.turning(), x);
  }

  /**
   * Returns the matrix [H · d_h, rank] from the latent vector to keys; their rotated part is zero.
   */
  private Weights keyMatrix(Layer layer) {
    int still = heads.still();
    int dH = heads.dH();
    String split = layer.tensor("attn_k_b.weight");
    if (weights.has(split)) {
      return weights.transposedHeads(split, heads.count(), heads.rank(), still, dH);
    }
    return weights.rows(
        layer.tensor("attn_kv_b.weight"),
        "keys",
        heads.count() * heads.rows(),
        heads.count() * dH,
        heads.rank(),
        row -> row % dH < still ? row / dH * heads.rows() + row % dH : -1);
  }

  /** Returns the matrix [H · d_v, rank] from the latent vector to values. */
  private Weights valueMatrix(Layer layer) {
    int dV = heads.dV();
    String split = layer.tensor("attn_v_b.weight");
    if (weights.has(split)) {
      return weights.stackedMatrix(split, heads.count(), dV, heads.rank());
    }
    return weights.rows(
        layer.tensor("attn_kv_b.weight"),
        "values",
        heads.count() * heads.rows(),
        heads.count() * dV,
        heads.rank(),
        row -> row / dV * heads.rows() + heads.still() + row % dV);
  }
}
