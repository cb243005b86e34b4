package dev.vidrio.model.architecture;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.architecture.Attention.QueryKeyNorm;
import org.jspecify.annotations.Nullable;

/** The parts of one layer: tensors {@code blk.l.…} and hook points {@code blocks.l.…}. */
final class Layer {
  private final Transformer model;
  private final Sizes sizes;
  private final WeightLoader weights;
  private final PlanBuilder plan;
  private final int index;

  Layer(Transformer model, int index) {
    this.model = model;
    this.sizes = model.sizes();
    this.weights = model.weights();
    this.plan = model.plan();
    this.index = index;
  }

  /** Its number, from 0. */
  int index() {
    return index;
  }

  private String hook(String name) {
    return "blocks." + index + "." + name;
  }

  private String tensor(String name) {
    return "blk." + index + "." + name;
  }

  /** A block of two residual steps: attention, then feed-forward. */
  Buffer sequential(Buffer residPre, Sublayer attention, Sublayer ffn) {
    Buffer attentionOut = attention.write(hook("hook_attn_out"), residPre);
    Buffer residMid = plan.add(hook("hook_resid_mid"), residPre, attentionOut);
    Buffer ffnOut = ffn.write(hook("hook_mlp_out"), residMid);
    return plan.add(hook("hook_resid_post"), residMid, ffnOut);
  }

  /** A block of two residual steps, each of which normalizes what it reads (arXiv 2002.04745). */
  Buffer preNorm(Buffer residPre, Sublayer attention, Sublayer ffn) {
    return sequential(
        residPre, (hook, x) -> attention.write(hook, ln1(x)), (hook, x) -> ffn.write(hook, ln2(x)));
  }

  /** The same where the second norm has another name. */
  Buffer preNorm(Buffer residPre, Sublayer attention, String ffnNorm, Sublayer ffn) {
    return sequential(
        residPre,
        (hook, x) -> attention.write(hook, ln1(x)),
        (hook, x) -> ffn.write(hook, ln2(ffnNorm, x)));
  }

  /** A block of two residual steps, each of which has a norm before and one after it. */
  Buffer sandwiched(Buffer residPre, Sublayer attention, Sublayer ffn) {
    return preNorm(
        residPre, normalized("post_attention_norm", attention), normalized("post_ffw_norm", ffn));
  }

  /** A block of one residual step, which attention and feed-forward take side by side. */
  Buffer parallel(
      Buffer residPre, Buffer attentionIn, Sublayer attention, Buffer ffnIn, Sublayer ffn) {
    Buffer attentionOut = attention.write(hook("hook_attn_out"), attentionIn);
    Buffer ffnOut = ffn.write(hook("hook_mlp_out"), ffnIn);
    Buffer both = plan.add(hook("attn_and_mlp_out"), attentionOut, ffnOut);
    return plan.add(hook("hook_resid_post"), residPre, both);
  }

  /** The same where both read one norm. */
  Buffer parallel(Buffer residPre, Sublayer attention, Sublayer ffn) {
    Buffer normalized = ln1(residPre);
    return parallel(residPre, normalized, attention, normalized, ffn);
  }

  /** The norm before attention. */
  Buffer ln1(Buffer x) {
    return ln1("attn_norm", x);
  }

  /** The norm before attention, under another name. */
  Buffer ln1(String tensor, Buffer x) {
    return model.norm(hook("ln1"), tensor(tensor), x);
  }

  /** The norm before the feed-forward block. */
  Buffer ln2(Buffer x) {
    return ln2("ffn_norm", x);
  }

  /** The norm before the feed-forward block, under another name. */
  Buffer ln2(String tensor, Buffer x) {
    return model.norm(hook("ln2"), tensor(tensor), x);
  }

  /** A sublayer whose output is normalized. */
  Sublayer normalized(String tensor, Sublayer sublayer) {
    return sublayer.then("unnormalized", (hook, x) -> model.norm(hook, tensor(tensor), x));
  }

  /** Attention: projections to queries, keys and values, and that of the heads' outputs. */
  Sublayer attention(Attention a) {
    return (hook, x) -> {
      int dQ = sizes.heads() * sizes.dH();
      int dKv = sizes.kvHeads() * sizes.dH();
      Buffer q = projected("q", a, 0, dQ, x);
      Buffer k = projected("k", a, dQ, dKv, x);
      Buffer v = projected("v", a, dQ + dKv, dKv, x);
      @Nullable Rotation keys = a.rotation();
      @Nullable Rotation queries = keys == null ? null : keys.heated(a.temperature());
      Buffer readyQ = ready("q", a.norm(), queries, q);
      plan.kvStore(index, ready("k", a.norm(), keys, k), v);
      Buffer z = attend(hook("attn.hook_z"), a, readyQ);
      return model.linear(hook, tensor("attn_output"), sizes.d(), z);
    };
  }

  private Buffer attend(String name, Attention a, Buffer q) {
    @Nullable Weights sinks = weights.optionalVector(tensor("attn_sinks.weight"), sizes.heads());
    return a.slopes() == null
        ? plan.attention(name, index, a.scale(), a.window(), a.cap(), sinks, q)
        : plan.alibiAttention(name, index, a.scale(), a.slopes(), q);
  }

  /** Queries or keys as attention takes them: normalized and turned. */
  private Buffer ready(String which, QueryKeyNorm norm, @Nullable Rotation rotation, Buffer x) {
    if (norm == QueryKeyNorm.TURNED_HEAD) {
      return normalized(which, norm, rotated(which, rotation, x));
    }
    return rotated(which, rotation, normalized(which, norm, x));
  }

  private Buffer normalized(String which, QueryKeyNorm norm, Buffer x) {
    String name = hook("attn." + which + "_norm");
    String tensor = tensor("attn_" + which + "_norm");
    return switch (norm) {
      case NONE -> x;
      case HEAD, TURNED_HEAD -> model.headNorm(name, tensor, sizes.dH(), x);
      case HEAD_OWN_GAIN -> model.headNorm(name, tensor, x.width(), x);
      case ALL_HEADS -> model.norm(name, tensor, x);
    };
  }

  private Buffer rotated(String which, @Nullable Rotation rotation, Buffer x) {
    return rotation == null ? x : plan.rope(hook("attn.hook_rot_" + which), rotation, x);
  }

  /**
   * One of the three projections.
   *
   * @param first its first row where their weights lie one after the other in one matrix
   */
  private Buffer projected(String which, Attention a, int first, int n, Buffer x) {
    int rows = (sizes.heads() + 2 * sizes.kvHeads()) * sizes.dH();
    String name = "attn.hook_" + which;
    String written = a.clamp() == 0 ? name : name + ".unclamped";
    Buffer y =
        weights.has(tensor("attn_qkv.weight"))
            ? fused(written, "attn_qkv", first, n, rows, x)
            : linear(written, "attn_" + which, n, x);
    return a.clamp() == 0 ? y : plan.clamp(hook(name), a.clamp(), y);
  }

  /** {@code act(gate · x) · (up · x)}, projected down (Shazeer 2020, arXiv 2002.05202). */
  Sublayer gatedFfn(ActivationKind kind) {
    return (hook, x) -> {
      int n = sizes.dFfn();
      boolean fused = !weights.has(tensor("ffn_gate.weight"));
      Buffer gate =
          fused
              ? fused("mlp.hook_pre", "ffn_up", 0, n, 2 * n, x)
              : linear("mlp.hook_pre", "ffn_gate", n, x);
      Buffer up =
          fused
              ? fused("mlp.hook_pre_linear", "ffn_up", n, n, 2 * n, x)
              : linear("mlp.hook_pre_linear", "ffn_up", n, x);
      Buffer post = plan.gated(hook("mlp.hook_post"), kind, gate, up);
      return model.linear(hook, tensor("ffn_down"), sizes.d(), post);
    };
  }

  /** {@code act(up · x)}, projected down. */
  Sublayer plainFfn(ActivationKind kind) {
    return plainFfn((hook, pre) -> plan.activation(hook, kind, pre));
  }

  /** The same with an activation that has parameters. */
  Sublayer plainFfn(Xielu activation) {
    return plainFfn((hook, pre) -> activation.write(plan, hook, pre));
  }

  private Sublayer plainFfn(Sublayer activation) {
    return (hook, x) -> {
      Buffer pre = linear("mlp.hook_pre", "ffn_up", sizes.dFfn(), x);
      Buffer post = activation.write(hook("mlp.hook_post"), pre);
      return model.linear(hook, tensor("ffn_down"), sizes.d(), post);
    };
  }

  /** A mixture of experts in the layers that have one, in the others a gated block. */
  Sublayer mixture(Experts experts) {
    return experts.in(index)
        ? new Mixture(model, experts, index)::write
        : gatedFfn(ActivationKind.SILU);
  }

  private Buffer linear(String name, String tensor, int n, Buffer x) {
    return model.linear(hook(name), tensor(tensor), n, x);
  }

  private Buffer fused(String name, String tensor, int first, int n, int rows, Buffer x) {
    String matrix = tensor(tensor + ".weight");
    String vector = tensor(tensor + ".bias");
    @Nullable Weights bias =
        weights.has(vector) ? weights.vectorPart(vector, first, n, rows) : null;
    return plan.linear(hook(name), weights.matrixPart(matrix, first, n, rows, x.width()), bias, x);
  }
}
