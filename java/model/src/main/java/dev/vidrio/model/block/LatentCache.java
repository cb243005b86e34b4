package dev.vidrio.model.block;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.PlanBuilder.Routes;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.weight.Weights;
import java.util.List;

/**
 * Latent attention over a cache of latent vectors (DeepSeek-AI 2024, arXiv 2405.04434, section
 * 2.1.2). The cache has the normalized latent vector and the rotated part of the key, as one key
 * that all query heads attend to; its value is the latent vector, the first part of the key.
 * Queries are multiplied by the transposed key matrix of their head, and the weighted sums of
 * latent vectors by its value matrix.
 *
 * <p>Products with a matrix of each head are products with experts; a token uses all of them.
 */
final class LatentCache {
  private final WeightLoader weights;
  private final PlanBuilder plan;
  private final LatentHeads heads;
  private final Rotation rotation;
  private final float scale;

  /** The numbers of all heads, as one row. */
  private final Weights numbers;

  /** The matrix that puts zeros before the rotated part of a key, as in the key of a head. */
  private final Weights padding;

  /** The matrices from latent vectors and keys of heads to keys in the cache. */
  private final Weights fromLatent;

  private final Weights fromKey;

  /**
   * Starts a model.
   *
   * @param rotation of the keys of heads
   * @param scale factor of the scores
   */
  LatentCache(Transformer model, LatentHeads heads, Rotation rotation, float scale) {
    this.weights = model.weights();
    this.plan = model.plan();
    this.heads = heads;
    this.rotation = rotation;
    this.scale = scale;
    var each = new float[heads.count()];
    for (int head = 0; head < each.length; head++) {
      each[head] = head;
    }
    int width = shape(heads.rank(), heads.turning()).dH();
    this.numbers = weights.constants("attn.heads", each);
    this.padding = copying("attn_k.padding", heads.dH(), heads.turning(), heads.still(), 0);
    this.fromLatent = copying("attn_k.latent", width, heads.rank(), 0, 0);
    this.fromKey = copying("attn_k.turning", width, heads.dH(), heads.rank(), heads.still());
  }

  /** Returns the shape of a layer. */
  static KvShape.KeyValue shape(int rank, int turning) {
    return new KvShape.KeyValue(1, rank + turning, rank, true);
  }

  /** Makes a matrix [n, k] that copies elements from {@code column} on to rows from {@code row}. */
  private Weights copying(String name, int n, int k, int row, int column) {
    var ones = new float[Math.multiplyExact(n, k)];
    for (int i = 0; row + i < n && column + i < k; i++) {
      ones[(row + i) * k + column + i] = 1;
    }
    return weights.constants(name, n, k, ones);
  }

  /**
   * Stores the keys of a step and writes z, [n, H · d_v].
   *
   * @param q rotated queries [n, H · d_h]
   * @param latent normalized latent vectors [n, rank]
   * @param turning parts of keys before RoPE [n, turning]
   */
  Buffer attend(Layer layer, Buffer q, Buffer latent, Buffer turning) {
    Buffer key = plan.matMul(layer.hook("attn.k_padded"), padding, turning);
    Buffer turned = plan.rope(layer.hook("attn.k_turned"), rotation, heads.dH(), key);
    Buffer own = plan.matMul(layer.hook("attn.k_latent"), fromLatent, latent);
    Buffer shared = plan.matMul(layer.hook("attn.k_shared"), fromKey, turned);
    plan.kvStore(layer.cache(), plan.add(layer.hook("attn.k_cached"), own, shared), latent);
    Buffer all = plan.embedTypes(layer.hook("attn.heads"), numbers);
    var routes = new Routes(all, all);
    Buffer absorbed =
        plan.expertMatMul(layer.hook("attn.q_latent_keys"), keyMatrices(layer), null, routes, q);
    Buffer sums =
        layer.attended(plan.attention(layer.hook("attn.z_latent"), layer.cache(), scale, absorbed));
    return plan.expertMatMul(layer.hook(HookSite.Z), valueMatrices(layer), null, routes, sums);
  }

  /** Returns the matrices [rank + turning, d_h] from a head's queries to queries of the cache. */
  private List<Weights> keyMatrices(Layer layer) {
    String split = layer.tensor("attn_k_b.weight");
    boolean isSplit = weights.has(split);
    return weights.transposedKeys(
        isSplit ? split : layer.tensor("attn_kv_b.weight"),
        isSplit,
        heads.count(),
        heads.rank(),
        heads.still(),
        heads.rows(),
        heads.turning());
  }

  /** Returns the matrices [d_v, rank] from latent vectors to a head's values. */
  private List<Weights> valueMatrices(Layer layer) {
    String split = layer.tensor("attn_v_b.weight");
    return weights.has(split)
        ? weights.headMatrices(split, true, heads.count(), 0, heads.dV(), heads.dV(), heads.rank())
        : weights.headMatrices(
            layer.tensor("attn_kv_b.weight"),
            false,
            heads.count(),
            heads.still(),
            heads.dV(),
            heads.rows(),
            heads.rank());
  }
}
