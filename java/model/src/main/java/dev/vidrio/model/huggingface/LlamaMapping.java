package dev.vidrio.model.huggingface;

import dev.vidrio.model.gguf.MetadataBuilder;
import java.util.List;

/** Llama and its kin with adjacent rotary pairs. */
final class LlamaMapping implements Mapping {

  private final String architecture;

  /**
   * @param architecture {@code llama}, {@code smollm3}, {@code granite}, {@code minicpm} or {@code
   *     xverse}
   */
  LlamaMapping(String architecture) {
    this.architecture = architecture;
  }

  @Override
  public String architecture() {
    return architecture;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, architecture);
    Keys.rmsEpsilon(config, out, architecture);
    Rope.of(config).put(out, architecture, Keys.headWidth(config));
    switch (architecture) {
      case "smollm3" -> checkSmolLm3(config);
      case "granite" -> scales(config, out);
      case "minicpm" -> miniCpmScales(config, out);
      case "xverse" -> {}
      default -> {
        if (config.has("sliding_window")) {
          out.integer("llama.attention.sliding_window", config.size("sliding_window"));
        }
        if (config.has("num_local_experts")) {
          out.integer("llama.expert_count", config.size("num_local_experts"))
              .integer("llama.expert_used_count", config.size("num_experts_per_tok"));
        }
      }
    }
  }

  /** The file format has no key for the layers that do not rotate: each fourth it is. */
  private static void checkSmolLm3(Config config) {
    config.requireOff("use_sliding_window");
    if (config.has("no_rope_layers")) {
      int[] rotates = config.integers("no_rope_layers");
      for (int l = 0; l < rotates.length; l++) {
        if (rotates[l] != ((l + 1) % 4 == 0 ? 0 : 1)) {
          throw config.unsupported(
              "no_rope_layers", "[" + l + "] " + rotates[l], "each fourth layer does not rotate");
        }
      }
    }
    config.require(
        "no_rope_layer_interval",
        value -> value.asInt(0) == 4,
        "each fourth layer does not rotate");
  }

  private static void scales(Config config, MetadataBuilder out) {
    out.real("granite.attention.scale", config.real("attention_multiplier", 1))
        .real("granite.embedding_scale", config.real("embedding_multiplier", 1))
        .real("granite.residual_scale", config.real("residual_multiplier", 1))
        .real("granite.logit_scale", config.real("logits_scaling", 1));
  }

  private static void miniCpmScales(Config config, MetadataBuilder out) {
    double layers = config.size("num_hidden_layers");
    double width = config.size("hidden_size");
    out.real("minicpm.embedding_scale", config.real("scale_emb"))
        .real("minicpm.residual_scale", config.real("scale_depth") / Math.sqrt(layers))
        .real("minicpm.logit_scale", width / config.size("dim_model_base"));
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    Rope.of(config).addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      LlamaNames.norms(map, l);
      LlamaNames.interleavedAttention(map, config, l);
      if (config.has("num_local_experts")) {
        experts(config, map, l);
      } else {
        LlamaNames.gatedFfn(map, l);
      }
    }
  }

  private static void experts(Config config, TensorMap map, int layer) {
    String from = LlamaNames.from(layer) + "block_sparse_moe.";
    String to = LlamaNames.to(layer);
    int count = config.size("num_local_experts");
    map.take(from + "gate.weight", to + "ffn_gate_inp.weight");
    for (List<String> names :
        List.of(List.of("w1", "gate"), List.of("w2", "down"), List.of("w3", "up"))) {
      map.takeStacked(
          from + "experts.%d." + names.get(0) + ".weight",
          count,
          to + "ffn_" + names.get(1) + "_exps.weight");
    }
  }
}
