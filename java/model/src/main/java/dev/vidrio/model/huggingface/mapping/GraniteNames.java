package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Keys and tensors that all versions of Granite share. */
public final class GraniteNames {
  private static final String SHARED_WIDTH = "shared_intermediate_size";

  private GraniteNames() {}

  /** Adds the constants that scale scores, embeddings, residual additions and logits. */
  public static void scales(Config config, MetadataBuilder out) {
    out.real("attention.scale", config.real("attention_multiplier", 1))
        .real("embedding_scale", config.real("embedding_multiplier", 1))
        .real("residual_scale", config.real("residual_multiplier", 1))
        .real("logit_scale", config.real("logits_scaling", 1));
  }

  /** Adds the width of the shared expert, if the configuration has one. */
  public static void sharedWidth(Config config, MetadataBuilder out) {
    if (config.has(SHARED_WIDTH)) {
      out.integer("expert_shared_feed_forward_length", sharedWidth(config));
    }
  }

  /** Returns the width of the shared expert, 0 for none. */
  static int sharedWidth(Config config) {
    return config.has(SHARED_WIDTH) ? config.integer(SHARED_WIDTH, 0, Config.MAX_SIZE) : 0;
  }

  /** Takes the experts of a layer. */
  public static void experts(Config config, TensorMap map, int layer) {
    String from = LlamaNames.from(layer);
    String to = LlamaNames.to(layer);
    map.take(from + "block_sparse_moe.router.layer.weight", to + "ffn_gate_inp.weight");
    map.takeHalves(
        from + "block_sparse_moe.input_linear.weight",
        to + "ffn_gate_exps.weight",
        to + "ffn_up_exps.weight");
    map.take(from + "block_sparse_moe.output_linear.weight", to + "ffn_down_exps.weight");
    if (sharedWidth(config) > 0) {
      map.takeHalves(
          from + "shared_mlp.input_linear.weight",
          to + "ffn_gate_shexp.weight",
          to + "ffn_up_shexp.weight");
      map.take(from + "shared_mlp.output_linear.weight", to + "ffn_down_shexp.weight");
    }
  }
}
