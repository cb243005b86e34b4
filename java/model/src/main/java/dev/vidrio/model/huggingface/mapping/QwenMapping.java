package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Qwen2 and Qwen3, without experts and with them, and the text of those that see. */
final class QwenMapping implements LayerMapping {

  private final String architecture;
  private final boolean isMixture;

  /**
   * @param architecture {@code qwen2}, {@code qwen2moe}, {@code qwen2vl}, {@code qwen3}, {@code
   *     qwen3moe}, {@code qwen3vl} or {@code qwen3vlmoe}
   */
  QwenMapping(String architecture) {
    this.architecture = architecture;
    this.isMixture = architecture.endsWith("moe");
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
    rope(config).put(out, architecture, Keys.headWidth(config));
    if (isMixture) {
      ExpertNames.requireEverywhere(config);
      ExpertNames.counts(config, out, architecture);
      String prefix = architecture + ".";
      out.integer(prefix + "expert_feed_forward_length", config.size("moe_intermediate_size"))
          .bool(prefix + "expert_weights_norm", config.bool("norm_topk_prob", false));
      if (hasShared()) {
        String width = "shared_expert_intermediate_size";
        out.integer(prefix + "expert_shared_feed_forward_length", config.size(width));
      }
    }
  }

  @Override
  public Rope rope(Config config) {
    return Rope.of(config).ofText();
  }

  private boolean hasShared() {
    return architecture.equals("qwen2moe");
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    String from = LlamaNames.from(l);
    String to = LlamaNames.to(l);
    LlamaNames.norms(map, l);
    LlamaNames.attention(map, l);
    if (architecture.startsWith("qwen3")) {
      LlamaNames.queryKeyNorms(map, l);
    }
    if (architecture.equals("qwen3vlmoe")) {
      map.take(from + "mlp.gate.weight", to + "ffn_gate_inp.weight");
      map.takeColumnHalves(
          from + "mlp.experts.gate_up_proj",
          to + "ffn_gate_exps.weight",
          to + "ffn_up_exps.weight");
      map.takeColumns(from + "mlp.experts.down_proj", to + "ffn_down_exps.weight", 0, 1);
    } else if (isMixture) {
      ExpertNames.routed(config, map, l);
    } else {
      LlamaNames.gatedFfn(map, l);
    }
    if (hasShared()) {
      ExpertNames.shared(map, "shared_expert", l);
      map.take(from + "mlp.shared_expert_gate.weight", to + "ffn_gate_inp_shexp.weight");
    }
  }
}
