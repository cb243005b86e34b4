package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * Hunyuan 3: dense layers first, then experts that sigmoids and a bias choose, and a shared one.
 * Blocks that draft tokens are left out, as in transformers.
 */
final class HunyuanV3Mapping implements Mapping {
  private static final int MAX_SHARED = 256;

  @Override
  public String architecture() {
    return "hy_v3";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.require("route_norm", value -> value.asBoolean(false), "it must be true");
    config.require("moe_router_use_sigmoid", value -> value.asBoolean(false), "it must be true");
    Keys.sizes(config, out, "hy_v3");
    Keys.rmsEpsilon(config, out, "hy_v3", 1e-5);
    Rope.requireBase(config);
    Rope.of(config).put(out, "hy_v3", Keys.headWidth(config));
    ExpertNames.counts(config, out, "hy_v3");
    int width = config.size("moe_intermediate_size");
    int shared =
        config.has("num_shared_experts") ? config.integer("num_shared_experts", 1, MAX_SHARED) : 1;
    out.integer("hy_v3.expert_feed_forward_length", width)
        .integer("hy_v3.expert_shared_feed_forward_length", width * shared)
        .integer("hy_v3.expert_gating_func", 2)
        .real("hy_v3.expert_weights_scale", config.real("router_scaling_factor", 2.826))
        .bool("hy_v3.expert_weights_norm", true);
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    Rope.of(config).addTensors(map, Keys.headWidth(config));
    int dense = ExpertNames.dense(config, 1);
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String mlp = LlamaNames.from(l) + "mlp.";
      String to = LlamaNames.to(l);
      LlamaNames.norms(map, l);
      LlamaNames.attention(map, l);
      LlamaNames.queryKeyNorms(map, l);
      if (l < dense) {
        LlamaNames.gatedFfn(map, l);
        continue;
      }
      map.take(mlp + "router.gate.weight", to + "ffn_gate_inp.weight");
      map.take(mlp + "expert_bias", to + "exp_probs_b");
      ExpertNames.experts(config, map, l);
      ExpertNames.shared(map, "shared_mlp", l);
    }
    LlamaNames.ignoreDrafts(map, config);
  }
}
