package dev.vidrio.model.huggingface;

import dev.vidrio.model.gguf.MetadataBuilder;
import java.util.List;

/** Qwen2, Qwen3 and Qwen3 with a mixture of experts. */
final class QwenMapping implements Mapping {

  private final String architecture;
  private final boolean isMixture;

  /**
   * @param architecture {@code qwen2}, {@code qwen3} or {@code qwen3moe}
   */
  QwenMapping(String architecture) {
    this.architecture = architecture;
    this.isMixture = architecture.equals("qwen3moe");
  }

  @Override
  public String architecture() {
    return architecture;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOff("use_sliding_window");
    Keys.sizes(config, out, architecture);
    Keys.rmsEpsilon(config, out, architecture);
    Rope.of(config).put(out, architecture, Keys.headWidth(config));
    if (isMixture) {
      config.require("decoder_sparse_step", value -> value.asInt(0) == 1, "it must be 1");
      config.require("mlp_only_layers", value -> value.isEmpty(), "it must be empty");
      if (!config.bool("norm_topk_prob", false)) {
        out.bool("qwen3moe.expert_weights_norm", false);
      }
      out.integer("qwen3moe.expert_count", config.size(experts(config)))
          .integer("qwen3moe.expert_used_count", config.size("num_experts_per_tok"))
          .integer("qwen3moe.expert_feed_forward_length", config.size("moe_intermediate_size"));
    }
  }

  private static String experts(Config config) {
    return config.firstOf("num_experts", "num_local_experts");
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    Rope.of(config).addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      LlamaNames.norms(map, l);
      LlamaNames.attention(map, l);
      if (!architecture.equals("qwen2")) {
        map.take(from + "self_attn.q_norm.weight", to + "attn_q_norm.weight");
        map.take(from + "self_attn.k_norm.weight", to + "attn_k_norm.weight");
      }
      if (isMixture) {
        mixture(config, map, l);
      } else {
        LlamaNames.gatedFfn(map, l);
      }
    }
  }

  /** Checkpoints have a tensor per expert, or, more recently, all experts stacked. */
  private static void mixture(Config config, TensorMap map, int layer) {
    String from = LlamaNames.from(layer) + "mlp.";
    String to = LlamaNames.to(layer);
    map.take(from + "gate.weight", to + "ffn_gate_inp.weight");
    if (map.has(from + "experts.gate_up_proj")) {
      map.takeHalves(
          from + "experts.gate_up_proj", to + "ffn_gate_exps.weight", to + "ffn_up_exps.weight");
      map.take(from + "experts.down_proj", to + "ffn_down_exps.weight");
      return;
    }
    for (String part : List.of("gate", "up", "down")) {
      map.takeStacked(
          from + "experts.%d." + part + "_proj.weight",
          config.size(experts(config)),
          to + "ffn_" + part + "_exps.weight");
    }
  }
}
