package dev.vidrio.model.block;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rotation.Temperature;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.block.Attention.OutputTransform;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The parts of a layer: tensors {@code blk.l.…} and hook points {@code blocks.l.…}. */
public final class Layer {
  private final Transformer model;
  private final ModelDimensions dimensions;
  private final WeightLoader weights;
  private final PlanBuilder plan;
  private final int index;
  private final int cache;

  Layer(Transformer model, int index) {
    this(model, index, index);
  }

  private Layer(Transformer model, int index, int cache) {
    this.model = model;
    this.dimensions = model.dimensions();
    this.weights = model.weights();
    this.plan = model.plan();
    this.index = index;
    this.cache = cache;
  }

  /** Returns the layer with another layer of the cache. */
  public Layer cachedAt(int newCache) {
    return new Layer(model, index, newCache);
  }

  /** Returns the number of the layer, from 0. */
  public int index() {
    return index;
  }

  /** Returns whether the file has a tensor of the layer. */
  public boolean has(String name) {
    return weights.has(tensor(name));
  }

  /** Returns the number of query heads. */
  private int heads() {
    return dimensions.heads(index);
  }

  /** Returns the layer of the cache with its keys and values, or its states. */
  int cache() {
    return cache;
  }

  /** Returns the full name of an activation that is not at a hook point. */
  public String hook(String name) {
    return "blocks." + index + "." + name;
  }

  /**
   * Returns the name for the activation at a hook point of the layer, and records that the
   * activation with this name is the one at the point.
   */
  public String hook(HookSite site) {
    return plan.name(new HookPoint(site, index));
  }

  /** Records that an activation is the layer's one at a hook point; returns it. */
  public Buffer hook(HookSite site, Buffer x) {
    return plan.hook(new HookPoint(site, index), x);
  }

  /** Returns the full name of a tensor. */
  public String tensor(String name) {
    return "blk." + index + "." + name;
  }

  /** Writes two residual additions: the mixer, then the feed-forward block. */
  public Buffer sequential(Buffer residPre, Sublayer mixer, Sublayer ffn) {
    return sequential(hook(HookSite.RESID_POST), residPre, mixer, ffn);
  }

  /** Writes two residual additions and a sublayer of their sum, unless it is null. */
  public Buffer sequential(Buffer residPre, Sublayer mixer, Sublayer ffn, @Nullable Sublayer end) {
    if (end == null) {
      return sequential(residPre, mixer, ffn);
    }
    Sublayer block = (hook, x) -> sequential(hook, x, mixer, ffn);
    return block.then("sum", end).write(hook(HookSite.RESID_POST), residPre);
  }

  private Buffer sequential(String residPost, Buffer residPre, Sublayer mixer, Sublayer ffn) {
    hook(HookSite.RESID_PRE, residPre);
    Buffer written = mixer.write(hook(mixerOut()), residPre);
    Buffer residMid = plan.add(hook(HookSite.RESID_MID), residPre, written);
    Buffer ffnOut = ffn.write(hook(HookSite.MLP_OUT), residMid);
    return plan.add(residPost, residMid, ffnOut);
  }

  /** Returns the hook point of the mixer's output, which depends on what it caches. */
  private HookSite mixerOut() {
    List<KvShape.Layer> caches = dimensions.kvShape().layers();
    return switch (cache < caches.size() ? caches.get(cache) : null) {
      case KvShape.Ring rows -> HookSite.CONV_OUT;
      case KvShape.Slotted states -> HookSite.RECURRENT_OUT;
      case KvShape.KeyValue heads -> HookSite.ATTN_OUT;
      case KvShape.Rows states ->
          throw new IllegalStateException("layer " + cache + " of the cache has hidden states");
      case null -> HookSite.ATTN_OUT;
    };
  }

  /** Writes a pre-norm block (arXiv 2002.04745). */
  public Buffer preNorm(Buffer residPre, Sublayer mixer, Sublayer ffn) {
    return preNorm(residPre, mixer, "ffn_norm", ffn);
  }

  /** Writes a pre-norm block with another tensor for the second norm. */
  public Buffer preNorm(Buffer residPre, Sublayer mixer, String ffnNorm, Sublayer ffn) {
    return sequential(
        residPre,
        (hook, x) -> mixer.write(hook, ln1(x)),
        (hook, x) -> ffn.write(hook, ln2(ffnNorm, x)));
  }

  /**
   * Writes a block with a norm after each residual addition (Vaswani et al. 2017, arXiv
   * 1706.03762). The points {@code hook_resid_mid} and {@code hook_resid_post} are the sums before
   * these norms, as in TransformerLens's HookedEncoder.
   *
   * @param mixerNorm tensor of the norm after the addition of the mixer
   * @param ffnNorm tensor of the norm after the addition of the feed-forward block
   */
  public Buffer normalizedSums(
      Buffer residPre, Sublayer mixer, String mixerNorm, Sublayer ffn, String ffnNorm) {
    hook(HookSite.RESID_PRE, residPre);
    Buffer written = mixer.write(hook(mixerOut()), residPre);
    Buffer residMid = plan.add(hook(HookSite.RESID_MID), residPre, written);
    Buffer normalized = ln1(mixerNorm, residMid);
    Buffer ffnOut = ffn.write(hook(HookSite.MLP_OUT), normalized);
    return ln2(ffnNorm, plan.add(hook(HookSite.RESID_POST), normalized, ffnOut));
  }

  /** Writes a pre-norm block of a mixer alone. */
  public Buffer mixerAlone(Buffer residPre, Sublayer mixer) {
    return alone(mixerOut(), residPre, (hook, x) -> mixer.write(hook, ln1(x)));
  }

  /** Writes a pre-norm feed-forward block alone. */
  public Buffer ffnAlone(Buffer residPre, String norm, Sublayer ffn) {
    return alone(HookSite.MLP_OUT, residPre, (hook, x) -> ffn.write(hook, ln2(norm, x)));
  }

  /** Writes a layer without sublayers. */
  public Buffer nothing(Buffer residPre) {
    hook(HookSite.RESID_PRE, residPre);
    return plan.scale(hook(HookSite.RESID_POST), 1, residPre);
  }

  private Buffer alone(HookSite out, Buffer residPre, Sublayer step) {
    hook(HookSite.RESID_PRE, residPre);
    return plan.add(hook(HookSite.RESID_POST), residPre, step.write(hook(out), residPre));
  }

  /** Writes a block with a norm before and one after each sublayer. */
  public Buffer sandwich(Buffer residPre, Sublayer attention, Sublayer ffn) {
    return preNorm(
        residPre, ln1Post("post_attention_norm", attention), ln2Post("post_ffw_norm", ffn));
  }

  /** Writes a block with attention and feed-forward block in parallel. */
  public Buffer parallel(
      Buffer residPre, Buffer attentionIn, Sublayer attention, Buffer ffnIn, Sublayer ffn) {
    hook(HookSite.RESID_PRE, residPre);
    Buffer attentionOut = attention.write(hook(HookSite.ATTN_OUT), attentionIn);
    Buffer ffnOut = ffn.write(hook(HookSite.MLP_OUT), ffnIn);
    Buffer both = plan.add(hook("attn_and_mlp_out"), attentionOut, ffnOut);
    return plan.add(hook(HookSite.RESID_POST), residPre, both);
  }

  /** Writes a parallel block with one norm. */
  public Buffer parallel(Buffer residPre, Sublayer attention, Sublayer ffn) {
    Buffer normalized = ln1(residPre);
    return parallel(residPre, normalized, attention, normalized, ffn);
  }

  /** Writes the norm before attention. */
  public Buffer ln1(Buffer x) {
    return ln1("attn_norm", x);
  }

  /** Writes the norm before attention, of another tensor. */
  public Buffer ln1(String tensor, Buffer x) {
    return ln1(model.norm(hook("ln1"), tensor(tensor), x), false);
  }

  /** Writes the norm before the feed-forward block. */
  public Buffer ln2(Buffer x) {
    return ln2("ffn_norm", x);
  }

  /** Writes the norm before the feed-forward block, of another tensor. */
  public Buffer ln2(String tensor, Buffer x) {
    return ln2(model.norm(hook("ln2"), tensor(tensor), x), false);
  }

  /** Attention with normalized output, in a block without a norm before attention. */
  public Sublayer ln1(String tensor, Sublayer attention) {
    return normalized(tensor, attention, norm -> ln1(norm, false));
  }

  /** Attention with normalized output, in a block that also has a norm before attention. */
  public Sublayer ln1Post(String tensor, Sublayer attention) {
    return normalized(tensor, attention, norm -> ln1(norm, true));
  }

  /** A feed-forward block with normalized output, in a block without norms before sublayers. */
  public Sublayer ln2(String tensor, Sublayer ffn) {
    return normalized(tensor, ffn, norm -> ln2(norm, false));
  }

  /** A feed-forward block with normalized output, in a block with norms before sublayers. */
  public Sublayer ln2Post(String tensor, Sublayer ffn) {
    return normalized(tensor, ffn, norm -> ln2(norm, true));
  }

  private Buffer ln1(Buffer norm, boolean post) {
    hook(post ? HookSite.LN1_POST_SCALE : HookSite.LN1_SCALE, norm);
    return hook(post ? HookSite.LN1_POST_NORMALIZED : HookSite.LN1_NORMALIZED, norm);
  }

  private Buffer ln2(Buffer norm, boolean post) {
    hook(post ? HookSite.LN2_POST_SCALE : HookSite.LN2_SCALE, norm);
    return hook(post ? HookSite.LN2_POST_NORMALIZED : HookSite.LN2_NORMALIZED, norm);
  }

  private Sublayer normalized(String tensor, Sublayer sublayer, UnaryOperator<Buffer> record) {
    return sublayer.then(
        "unnormalized", (hook, x) -> record.apply(model.norm(hook, tensor(tensor), x)));
  }

  /** Returns a sublayer with a norm of its output. */
  public Sublayer normalized(String tensor, Sublayer sublayer) {
    return sublayer.then("unnormalized", (hook, x) -> model.norm(hook, tensor(tensor), x));
  }

  /** Returns attention: projections to queries, keys and values, and the output projection. */
  public Sublayer attention(Attention a) {
    return (hook, x) -> {
      KvShape.KeyValue kv = dimensions.kvShape().keyValue(cache);
      int dQ = heads() * kv.dH();
      boolean withGates = a.output() == OutputTransform.SIGMOID_GATE_IN_QUERIES;
      Buffer q =
          withGates
              ? ofHeads(HookSite.Q, 0, kv, x)
              : projected(hook(HookSite.Q), "q", a, 0, dQ, kv, x);
      Buffer k = projected(hook(HookSite.K), "k", a, dQ, kv.width(), kv, x);
      Buffer v = values(a, kv, k, x);
      Buffer readyQ = ready("q", a.norm(), queries(a, kv.dH()), kv.dH(), q);
      plan.kvStore(cache, ready("k", a.norm(), a.rotation(), kv.dH(), k), v);
      return output(hook, mixed(a, kv, readyQ, x));
    };
  }

  /** Writes the input of the output projection: the heads, gated or normalized. */
  private Buffer mixed(Attention a, KvShape.KeyValue kv, Buffer q, Buffer x) {
    if (a.output() == OutputTransform.NONE) {
      return attend(HookSite.Z, a, cache, q);
    }
    Buffer z = attend(HookSite.Z_PRE, a, cache, q);
    String hook = hook(HookSite.Z);
    if (a.output() == OutputTransform.NORM) {
      return model.norm(hook, tensor("attn_sub_norm"), z);
    }
    return plan.gated(hook, a.output().gate(), gates(a, kv, z.width(), x), z);
  }

  /** Writes gates before their activation, one per element of the heads. */
  private Buffer gates(Attention a, KvShape.KeyValue kv, int n, Buffer x) {
    return switch (a.output()) {
      case SIGMOID_GATE_IN_QUERIES -> ofHeads(HookSite.GATE, kv.dH(), kv, x);
      case SIGMOID_GATE_PER_HEAD, SOFTPLUS_GATE_PER_HEAD -> {
        Buffer ofHeads = linear("attn.gate", "attn_gate", heads(), x);
        yield plan.linear(hook(HookSite.GATE), model.spread(heads(), n / heads()), null, ofHeads);
      }
      default -> linear(HookSite.GATE, "attn_gate", n, x);
    };
  }

  /** Writes one of two projections with rows adjacent per head. */
  private Buffer ofHeads(HookSite site, int first, KvShape.KeyValue kv, Buffer x) {
    int dH = kv.dH();
    Weights matrix =
        weights.headRows(tensor("attn_q.weight"), heads(), first, dH, 2 * dH, x.width());
    return plan.linear(hook(site), matrix, null, x);
  }

  /**
   * Returns attention to the keys and values of an earlier layer. Projections to keys and values,
   * which files may have, are ignored.
   */
  public Sublayer attention(Attention a, int source) {
    return (hook, x) -> {
      KvShape.KeyValue kv = dimensions.kvShape().keyValue(source);
      weights.ignore(tensor("attn_k"));
      weights.ignore(tensor("attn_v"));
      Buffer q = projected(hook(HookSite.Q), "q", a, 0, heads() * kv.dH(), kv, x);
      Buffer readyQ = ready("q", a.norm(), queries(a, kv.dH()), kv.dH(), q);
      return output(hook, attend(HookSite.Z, a, source, readyQ));
    };
  }

  private static @Nullable Rotation queries(Attention a, int dH) {
    @Nullable Rotation keys = a.rotation();
    if (a.temperature().equals(Temperature.NONE)) {
      return keys;
    }
    return (keys == null ? Rotation.identity(dH) : keys).withTemperature(a.temperature());
  }

  /** Writes values; layers with normalized values and no projection to them use their keys. */
  private Buffer values(Attention a, KvShape.KeyValue kv, Buffer k, Buffer x) {
    boolean own = weights.has(tensor("attn_v.weight")) || weights.has(tensor("attn_qkv.weight"));
    int first = heads() * kv.dH() + kv.width();
    if (!a.valueNorm()) {
      return projected(hook(HookSite.V), "v", a, first, kv.valueWidth(), kv, x);
    }
    Buffer v = own ? projected(hook("attn.v"), "v", a, first, kv.valueWidth(), kv, x) : k;
    return model.headNorm(hook(HookSite.V), kv.dV(), v);
  }

  private Buffer output(String hook, Buffer z) {
    return model.linear(hook, tensor("attn_output"), dimensions.d(), z);
  }

  private Buffer attend(HookSite site, Attention a, int source, Buffer q) {
    String name = hook(site);
    @Nullable Weights sinks = weights.optionalVector(tensor("attn_sinks.weight"), heads());
    Attention.Scores s = a.scores();
    return attended(
        plan.attention(name, source, s.scale(), s.window(), s.cap(), sinks, s.bias(), q));
  }

  /** Records the scores and the pattern within attention that has been written; returns its z. */
  Buffer attended(Buffer z) {
    hook(HookSite.ATTN_SCORES, z);
    return hook(HookSite.PATTERN, z);
  }

  /** Writes normalized and rotated queries or keys. */
  private Buffer ready(
      String which, QueryKeyNorm norm, @Nullable Rotation rotation, int dH, Buffer x) {
    if (norm == QueryKeyNorm.PER_HEAD_AFTER_ROPE
        || norm == QueryKeyNorm.PER_HEAD_AFTER_ROPE_NO_GAIN) {
      return normalized(which, norm, dH, rotated(which, rotation, dH, x));
    }
    return rotated(which, rotation, dH, normalized(which, norm, dH, x));
  }

  private Buffer normalized(String which, QueryKeyNorm norm, int dH, Buffer x) {
    String name = hook("attn." + which + "_norm");
    String tensor = tensor("attn_" + which + "_norm");
    return switch (norm) {
      case NONE -> x;
      case PER_HEAD, PER_HEAD_AFTER_ROPE -> model.headNorm(name, tensor, dH, dH, x);
      case PER_HEAD_AFTER_ROPE_NO_GAIN -> model.headNorm(name, dH, x);
      case PER_HEAD_OWN_GAIN -> model.headNorm(name, tensor, dH, x.width(), x);
      case ALL_HEADS -> model.norm(name, tensor, x);
    };
  }

  private Buffer rotated(String which, @Nullable Rotation rotation, int dH, Buffer x) {
    HookSite site = which.equals("q") ? HookSite.ROT_Q : HookSite.ROT_K;
    return rotation == null ? x : plan.rope(hook(site), rotation, dH, x);
  }

  /**
   * Writes queries, keys or values.
   *
   * @param first first row if the projections are one matrix
   */
  private Buffer projected(
      String name, String which, Attention a, int first, int n, KvShape.KeyValue kv, Buffer x) {
    int rows = heads() * kv.dH() + kv.width() + kv.valueWidth();
    String written = a.clamp() == 0 ? name : name + ".unclamped";
    Buffer y = projected(written, which, first, n, rows, x);
    return a.clamp() == 0 ? y : plan.clamp(name, a.clamp(), y);
  }

  /** A projection by its full name, of matrices that have {@code rows} rows together. */
  Buffer projected(String name, String which, int first, int n, int rows, Buffer x) {
    return weights.has(tensor("attn_qkv.weight"))
        ? fused(name, "attn_qkv", first, n, rows, x)
        : model.linear(name, tensor("attn_" + which), n, x);
  }

  /** Returns {@code down(act(gate · x) · (up · x))} (Shazeer 2020, arXiv 2002.05202). */
  public Sublayer gatedFfn(ActivationKind kind) {
    return gatedFfn(kind, dimensions.dFfn());
  }

  /** Returns a gated block of width n. */
  public Sublayer gatedFfn(ActivationKind kind, int n) {
    return ffn(n, 0).gated(kind);
  }

  private FeedForward ffn(int n, float limit) {
    return new FeedForward(model, this, FeedForward.Sites.MLP, "", n, limit);
  }

  /**
   * Returns a gated block with a norm before the last projection (Wang et al. 2022, arXiv
   * 2210.06423).
   */
  public Sublayer subNormalizedFfn(ActivationKind kind) {
    return ffn(dimensions.dFfn(), 0).subNormalized(kind);
  }

  /** Returns a shared expert of width n. */
  public Sublayer sharedFfn(ActivationKind kind, int n) {
    return new FeedForward(model, this, FeedForward.Sites.SHARED, "", n, 0).gated(kind);
  }

  /** Returns {@code down(act(up · x))}. */
  public Sublayer plainFfn(ActivationKind kind) {
    return plainFfn(kind, dimensions.dFfn());
  }

  /** Returns a plain block of width n. */
  public Sublayer plainFfn(ActivationKind kind, int n) {
    return ffn(n, 0).plain(kind);
  }

  /** Returns a plain block of xIELU. */
  public Sublayer plainFfn(Xielu activation) {
    return ffn(dimensions.dFfn(), 0).plain((hook, pre) -> activation.write(plan, hook, pre));
  }

  /** Returns the experts of a layer, or a gated block in layers without. */
  public Sublayer mixture(Experts experts) {
    return experts.layers().contain(index)
        ? (hook, x) -> new Mixture(model, experts, this).write(hook, x, x)
        : ffn(dimensions.dFfn(), experts.limits().shared()).gated(ActivationKind.SILU);
  }

  /**
   * Returns experts with a separate router input.
   *
   * @param asked input of the router
   */
  public Sublayer mixture(Experts experts, Buffer asked) {
    return (hook, x) -> new Mixture(model, experts, this).write(hook, asked, x);
  }

  /** A projection to n elements, at a hook point. */
  public Buffer linear(HookSite site, String tensor, int n, Buffer x) {
    return model.linear(hook(site), tensor(tensor), n, x);
  }

  /** Writes a projection to n elements. */
  public Buffer linear(String name, String tensor, int n, Buffer x) {
    return model.linear(hook(name), tensor(tensor), n, x);
  }

  /** A projection to n elements by rows {@code first} to {@code first + n} of a larger matrix. */
  Buffer fused(String name, String tensor, int first, int n, int rows, Buffer x) {
    String matrix = tensor(tensor + ".weight");
    String vector = tensor(tensor + ".bias");
    @Nullable Weights bias =
        weights.has(vector) ? weights.vectorPart(vector, first, n, rows) : null;
    return plan.linear(name, weights.matrixPart(matrix, first, n, rows, x.width()), bias, x);
  }
}
