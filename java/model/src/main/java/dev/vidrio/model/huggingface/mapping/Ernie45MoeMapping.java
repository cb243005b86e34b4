package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** ERNIE 4.5 with experts, that a softmax and a bias choose, and a shared one. */
final class Ernie45MoeMapping implements LayerMapping {
  private static final int MAX_SHARED = 256;

  @Override
  public String architecture() {
    return "ernie4_5-moe";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    String prefix = "ernie4_5-moe.";
    int layers = config.size("num_hidden_layers");
    config.requireOneOf("hidden_act", "silu");
    config.require(
        "moe_layer_end_index",
        value -> value.asInt(0) < 0 || value.asInt(0) >= layers - 1,
        "all layers from the first one on must have experts");
    Keys.sizes(config, out, "ernie4_5-moe");
    Keys.rmsEpsilon(config, out, "ernie4_5-moe", 1e-5);
    Rope.requireBase(config);
    Rope.of(config).put(out, "ernie4_5-moe", Keys.headWidth(config));
    ExpertNames.counts(config, out, "ernie4_5-moe");
    int width = config.size("moe_intermediate_size");
    out.integer(prefix + "expert_feed_forward_length", width)
        .integer(prefix + "expert_shared_count", shared(config))
        .integer(prefix + "expert_shared_feed_forward_length", shared(config) * width)
        .integer(prefix + "leading_dense_block_count", first(config))
        .integer(prefix + "interleave_moe_layer_step", period(config));
  }

  private static int shared(Config config) {
    return config.has("moe_num_shared_experts")
        ? config.integer("moe_num_shared_experts", 0, MAX_SHARED)
        : 0;
  }

  private static int first(Config config) {
    return config.integer("moe_layer_start_index", 0, config.size("num_hidden_layers"));
  }

  private static int period(Config config) {
    return config.size("moe_layer_interval", 1);
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    LlamaNames.norms(map, l);
    LlamaNames.attention(map, l);
    if (l < first(config) || (l + 1) % period(config) != 0) {
      LlamaNames.gatedFfn(map, l);
      return;
    }
    ExpertNames.routed(config, map, l);
    map.take(
        LlamaNames.from(l) + "mlp.moe_statics.e_score_correction_bias",
        LlamaNames.to(l) + "exp_probs_b.bias");
    if (shared(config) > 0) {
      ExpertNames.shared(map, "shared_experts", l);
    }
  }
}
