package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * K-EXAONE: dense layers first, then experts that sigmoids and a bias choose, and a shared one; a
 * sliding window in most layers. Tensors of drafts are left out, as in transformers.
 */
final class ExaoneMoeMapping implements Mapping {
  private static final int LAYERS_PER_FULL = 4;
  private static final int MAX_SHARED = 256;
  private static final String BIAS = "e_score_correction_bias";

  @Override
  public String architecture() {
    return "exaone-moe";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOneOf("scoring_func", "sigmoid");
    Keys.sizes(config, out, "exaone-moe");
    Keys.rmsEpsilon(config, out, "exaone-moe", 1e-5);
    Rope.of(config).put(out, "exaone-moe", Keys.headWidth(config));
    SlidingWindow.put(config, out, "exaone-moe", LAYERS_PER_FULL);
    ExpertNames.groupedCounts(config, out, "exaone-moe", false);
    int width = config.size("moe_intermediate_size");
    out.integer("exaone-moe.expert_feed_forward_length", width)
        .integer("exaone-moe.expert_shared_count", shared(config))
        .integer("exaone-moe.expert_shared_feed_forward_length", width * shared(config))
        .integer("exaone-moe.leading_dense_block_count", ExpertNames.dense(config, 1))
        .integer("exaone-moe.nextn_predict_layers", 0)
        .integer("exaone-moe.expert_gating_func", 2)
        .real("exaone-moe.expert_weights_scale", config.real("routed_scaling_factor", 2.5))
        .bool("exaone-moe.expert_weights_norm", config.bool("norm_topk_prob", true));
  }

  private static int shared(Config config) {
    return config.has("num_shared_experts")
        ? config.integer("num_shared_experts", 1, MAX_SHARED)
        : 1;
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    Rope.of(config).addTensors(map, Keys.headWidth(config));
    map.ignoreAll("mtp.");
    int dense = ExpertNames.dense(config, 1);
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      LlamaNames.norms(map, l);
      LlamaNames.attention(map, l);
      LlamaNames.queryKeyNorms(map, l);
      if (l < dense) {
        LlamaNames.gatedFfn(map, l);
        continue;
      }
      ExpertNames.routed(config, map, l);
      String mlp = LlamaNames.from(l) + "mlp.";
      String bias = map.has(mlp + BIAS) ? mlp + BIAS : mlp + "gate." + BIAS;
      map.take(bias, LlamaNames.to(l) + "exp_probs_b.bias");
      ExpertNames.shared(map, "shared_experts", l);
    }
  }
}
