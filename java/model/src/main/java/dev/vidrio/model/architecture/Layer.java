package dev.vidrio.model.architecture;

import dev.vidrio.kernel.Buffer;
import dev.vidrio.kernel.Op.ActivationKind;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.Weights;
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

  /** A block of two residual steps whose inputs are normalized. */
  Buffer preNorm(Buffer residPre, Sublayer attention, Sublayer ffn) {
    Buffer residMid = attend(residPre, attention, norm("ln1", "attn_norm", residPre));
    return feedForward(residMid, ffn, norm("ln2", "ffn_norm", residMid));
  }

  private Buffer attend(Buffer residPre, Sublayer attention, Buffer x) {
    Buffer out = attention.write(hook("hook_attn_out"), x);
    return plan.add(hook("hook_resid_mid"), residPre, out);
  }

  private Buffer feedForward(Buffer residMid, Sublayer ffn, Buffer x) {
    Buffer out = ffn.write(hook("hook_mlp_out"), x);
    return plan.add(hook("hook_resid_post"), residMid, out);
  }

  private Buffer norm(String name, String tensor, Buffer x) {
    return model.norm(hook(name), tensor(tensor), x);
  }

  /** Attention: projections to queries, keys and values, and that of the heads' outputs. */
  Sublayer attention(Attention a) {
    return (hook, x) -> {
      int dQ = sizes.heads() * sizes.dH();
      int dKv = sizes.kvHeads() * sizes.dH();
      boolean fused = weights.has(tensor("attn_qkv.weight"));
      Buffer q = fused ? qkv("q", 0, dQ, x) : linear("attn.hook_q", "attn_q", dQ, x);
      Buffer k = fused ? qkv("k", dQ, dKv, x) : linear("attn.hook_k", "attn_k", dKv, x);
      Buffer v = fused ? qkv("v", dQ + dKv, dKv, x) : linear("attn.hook_v", "attn_v", dKv, x);
      plan.kvStore(index, rotated("attn.hook_rot_k", a, k), v);
      Buffer rotQ = rotated("attn.hook_rot_q", a, q);
      Buffer z = plan.attention(hook("attn.hook_z"), index, a.scale(), a.window(), rotQ);
      return model.linear(hook, tensor("attn_output"), sizes.d(), z);
    };
  }

  private Buffer rotated(String name, Attention a, Buffer x) {
    return a.rotation() == null ? x : plan.rope(hook(name), a.rotation(), x);
  }

  /** One of the three projections whose weights lie one after the other in one matrix. */
  private Buffer qkv(String which, int first, int n, Buffer x) {
    int rows = (sizes.heads() + 2 * sizes.kvHeads()) * sizes.dH();
    return fused("attn.hook_" + which, "attn_qkv", first, n, rows, x);
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
