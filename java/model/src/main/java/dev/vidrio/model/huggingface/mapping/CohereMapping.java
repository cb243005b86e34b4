package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Command R and its successors: one LayerNorm a block, rotary pairs that are adjacent already. */
final class CohereMapping implements Mapping {
  private static final int LAYERS_PER_FULL = 4;

  private final String architecture;

  /**
   * @param architecture {@code command-r} or {@code cohere2}
   */
  CohereMapping(String architecture) {
    this.architecture = architecture;
  }

  @Override
  public String architecture() {
    return architecture;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOneOf("position_embedding_type", "rope_gptj");
    config.requireOneOf("order_of_interleaved_layers", "local_attn_first");
    for (String key : new String[] {"use_parallel_block", "use_gated_activation"}) {
      config.require(key, value -> value.asBoolean(false), "it must be true");
    }
    Keys.sizes(config, out, architecture);
    if (config.has("model_max_length")) { // configs say the length of the first training beside it
      out.integer(architecture + ".context_length", config.size("model_max_length"));
    }
    Keys.layerNormEpsilon(config, out, architecture, "layer_norm_eps");
    out.real(architecture + ".logit_scale", config.real("logit_scale", 0.0625));
    Rope.requireBase(config);
    Rope.of(config).put(out, architecture, Keys.headWidth(config));
    if (architecture.equals("cohere2")) {
      config.requireOff("use_qk_norm");
      config.require(
          "layer_switch",
          value -> value.asInt(0) == LAYERS_PER_FULL,
          "each fourth layer attends to all positions");
      SlidingWindow.put(config, out, architecture, LAYERS_PER_FULL);
    }
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.take("model.norm.weight", "output_norm.weight");
    LlamaNames.unembedding(map, config, "lm_head", true);
    Rope.of(config).addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      map.take(from + "input_layernorm.weight", to + "attn_norm.weight");
      LlamaNames.attention(map, l);
      LlamaNames.gatedFfn(map, l);
      if (config.bool("use_qk_norm", false)) {
        LlamaNames.queryKeyNorms(map, l);
      }
    }
  }
}
