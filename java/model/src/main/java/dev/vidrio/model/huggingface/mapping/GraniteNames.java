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
    scales(config, out, 1);
  }

  /**
   * Adds the constants that scale scores, embeddings, residual additions and logits.
   *
   * @param scoreScale factor of scores unless the configuration has it
   */
  public static void scales(Config config, MetadataBuilder out, double scoreScale) {
    out.real("attention.scale", config.real("attention_multiplier", scoreScale))
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
  public static int sharedWidth(Config config) {
    return config.has(SHARED_WIDTH) ? config.integer(SHARED_WIDTH, 0, Config.MAX_SIZE) : 0;
  }

  /** Takes the experts of a layer. */
  public static void experts(Config config, TensorMap layer, int index) {
    String from = "block_sparse_moe.";
    layer.take(from + "router.layer.weight", "ffn_gate_inp.weight");
    layer.takeHalves(from + "input_linear.weight", "ffn_gate_exps.weight", "ffn_up_exps.weight");
    layer.take(from + "output_linear.weight", "ffn_down_exps.weight");
    if (sharedWidth(config) > 0) {
      dense(layer, "_shexp");
    }
  }

  /** Takes a dense block, which is called shared, as the shared expert is. */
  static void dense(TensorMap layer, String suffix) {
    String gate = "ffn_gate" + suffix + ".weight";
    layer.takeHalves("shared_mlp.input_linear.weight", gate, "ffn_up" + suffix + ".weight");
    layer.take("shared_mlp.output_linear.weight", "ffn_down" + suffix + ".weight");
  }
}
