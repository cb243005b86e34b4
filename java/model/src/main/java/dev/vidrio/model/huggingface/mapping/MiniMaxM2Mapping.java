package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** MiniMax M2: experts under the names of Mixtral, chosen by sigmoids and a bias. */
final class MiniMaxM2Mapping implements LayerMapping {
  private static final int MAX_SHARED = 1 << 20;

  @Override
  public String architecture() {
    return "minimax-m2";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOneOf("scoring_func", "sigmoid");
    config.requireOneOf("qk_norm_type", "per_layer");
    requireOn(config, "use_qk_norm");
    requireOn(config, "use_routing_bias");
    config.require("shared_intermediate_size", value -> value.asInt(MAX_SHARED) == 0, "must be 0");
    Keys.sizes(config, out, "minimax-m2");
    Keys.rmsEpsilon(config, out, "minimax-m2");
    Rope.requireBase(config);
    rope(config).put(out, "minimax-m2", Keys.headWidth(config));
    ExpertNames.counts(config, out, "minimax-m2");
    out.integer("minimax-m2.expert_feed_forward_length", config.size("intermediate_size"))
        .integer("minimax-m2.expert_gating_func", 2);
  }

  private static void requireOn(Config config, String key) {
    config.require(key, value -> value.isBoolean() && value.booleanValue(), "it must be true");
  }

  /** Released configs say how many elements of a head turn, others which share of it. */
  @Override
  public Rope rope(Config config) {
    double dH = Keys.headWidth(config);
    return Rope.of(config, config.has("rotary_dim") ? config.size("rotary_dim") / dH : 1);
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    LlamaNames.norms(map, l);
    LlamaNames.attention(map, l);
    LlamaNames.queryKeyNorms(map, l);
    ExpertNames.sparse(config, map, l);
    map.take(
        LlamaNames.from(l) + "block_sparse_moe.e_score_correction_bias",
        LlamaNames.to(l) + "exp_probs_b.bias");
  }
}
