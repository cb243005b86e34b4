package dev.vidrio.model.architecture;

import dev.vidrio.kernel.Buffer;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Op.ActivationKind;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.Rotation;
import dev.vidrio.kernel.Weights;
import dev.vidrio.model.gguf.Gguf;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The Llama architecture (Touvron et al. 2023, arXiv 2302.13971; grouped-query attention: arXiv
 * 2307.09288): pre-norm blocks with RMSNorm, rotary positions, SwiGLU. GGUF files of it hold query
 * and key weights in the order that makes rotary pairs adjacent.
 */
final class Llama implements Architecture {
  static final String NAME = "llama";

  /** The weights of one block. Biases are there in few models. */
  private record Block(
      Weights attentionNorm,
      Weights q,
      @Nullable Weights qBias,
      Weights k,
      @Nullable Weights kBias,
      Weights v,
      @Nullable Weights vBias,
      Weights o,
      @Nullable Weights oBias,
      Weights ffnNorm,
      Weights gate,
      @Nullable Weights gateBias,
      Weights up,
      @Nullable Weights upBias,
      Weights down,
      @Nullable Weights downBias) {}

  private final LlamaConfig config;
  private final Weights embedding;
  private final Weights finalNorm;
  private final Weights unembedding;
  private final Rotation rotation;
  private final List<Block> blocks = new ArrayList<>();
  private final long bytesPerToken;

  private Llama(Gguf gguf, LlamaConfig config, WeightLoader loader) {
    this.config = config;
    this.embedding = loader.table("token_embd.weight", config.vocabulary(), config.d());
    this.finalNorm = loader.vector("output_norm.weight", config.d());
    this.unembedding =
        loader.matrix(
            loader.has("output.weight") ? "output.weight" : "token_embd.weight",
            config.vocabulary(),
            config.d());
    Weights divisors = loader.optionalVector("rope_freqs.weight", config.dRot() / 2);
    this.rotation =
        new RopeReader(gguf, NAME, config.dRot())
            .read(Rotation.Pairs.INTERLEAVED, divisors, config.contextLength());
    for (int l = 0; l < config.layers(); l++) {
      blocks.add(block(loader, "blk." + l + "."));
    }
    loader.finish();
    this.bytesPerToken = loader.bytesPerToken();
  }

  static Llama load(Gguf gguf, Executor executor, Arena arena, DoubleConsumer progress) {
    return new Llama(
        gguf, LlamaConfig.read(gguf), new WeightLoader(gguf, executor, arena, progress));
  }

  private Block block(WeightLoader loader, String name) {
    int d = config.d();
    int dQ = config.heads() * config.dH();
    int dKv = config.kvHeads() * config.dH();
    int dFfn = config.dFfn();
    return new Block(
        loader.vector(name + "attn_norm.weight", d),
        loader.matrix(name + "attn_q.weight", dQ, d),
        loader.optionalVector(name + "attn_q.bias", dQ),
        loader.matrix(name + "attn_k.weight", dKv, d),
        loader.optionalVector(name + "attn_k.bias", dKv),
        loader.matrix(name + "attn_v.weight", dKv, d),
        loader.optionalVector(name + "attn_v.bias", dKv),
        loader.matrix(name + "attn_output.weight", d, dQ),
        loader.optionalVector(name + "attn_output.bias", d),
        loader.vector(name + "ffn_norm.weight", d),
        loader.matrix(name + "ffn_gate.weight", dFfn, d),
        loader.optionalVector(name + "ffn_gate.bias", dFfn),
        loader.matrix(name + "ffn_up.weight", dFfn, d),
        loader.optionalVector(name + "ffn_up.bias", dFfn),
        loader.matrix(name + "ffn_down.weight", d, dFfn),
        loader.optionalVector(name + "ffn_down.bias", d));
  }

  @Override
  public Plan plan() {
    var b = new PlanBuilder(kvShape());
    Buffer resid = b.embed("hook_embed", embedding);
    for (int l = 0; l < blocks.size(); l++) {
      resid = block(b, l, blocks.get(l), resid);
    }
    Buffer chosen = b.gather("resid_post.chosen", resid);
    Buffer normalized = b.rmsNorm("ln_final", chosen, config.epsilon(), finalNorm);
    b.output(b.matMul("unembed.hook_out", unembedding, normalized));
    return b.build();
  }

  private Buffer block(PlanBuilder b, int layer, Block w, Buffer residPre) {
    String name = "blocks." + layer + ".";
    Buffer attentionIn = b.rmsNorm(name + "ln1", residPre, config.epsilon(), w.attentionNorm);
    Buffer attentionOut = attention(b, layer, w, attentionIn);
    Buffer residMid = b.add(name + "hook_resid_mid", residPre, attentionOut);
    Buffer ffnIn = b.rmsNorm(name + "ln2", residMid, config.epsilon(), w.ffnNorm);
    Buffer gate = b.linear(name + "mlp.hook_pre", w.gate, w.gateBias, ffnIn);
    Buffer up = b.linear(name + "mlp.hook_pre_linear", w.up, w.upBias, ffnIn);
    Buffer post = b.gated(name + "mlp.hook_post", ActivationKind.SILU, gate, up);
    Buffer ffnOut = b.linear(name + "hook_mlp_out", w.down, w.downBias, post);
    return b.add(name + "hook_resid_post", residMid, ffnOut);
  }

  private Buffer attention(PlanBuilder b, int layer, Block w, Buffer x) {
    String name = "blocks." + layer + ".attn.";
    Buffer q = b.linear(name + "hook_q", w.q, w.qBias, x);
    Buffer k = b.linear(name + "hook_k", w.k, w.kBias, x);
    Buffer v = b.linear(name + "hook_v", w.v, w.vBias, x);
    Buffer rotQ = b.rope(name + "hook_rot_q", rotation, q);
    Buffer rotK = b.rope(name + "hook_rot_k", rotation, k);
    b.kvStore(layer, rotK, v);
    Buffer z = b.attention(name + "hook_z", layer, config.attentionScale(), rotQ);
    return b.linear("blocks." + layer + ".hook_attn_out", w.o, w.oBias, z);
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public int width() {
    return config.d();
  }

  @Override
  public int layers() {
    return config.layers();
  }

  @Override
  public int heads() {
    return config.heads();
  }

  @Override
  public int ffnWidth() {
    return config.dFfn();
  }

  @Override
  public int vocabulary() {
    return config.vocabulary();
  }

  @Override
  public int contextLength() {
    return config.contextLength();
  }

  @Override
  public KvShape kvShape() {
    return config.kvShape();
  }

  @Override
  public long bytesPerToken() {
    return bytesPerToken;
  }
}
