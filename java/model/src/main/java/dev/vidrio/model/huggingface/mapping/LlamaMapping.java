package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.function.UnaryOperator;

/** Llama and its kin with adjacent rotary pairs. */
final class LlamaMapping implements LayerMapping {

  private static final String SHARED = "shared_intermediate_size";

  private final String architecture;
  private final UnaryOperator<Rope> rope;

  /**
   * @param architecture {@code llama}, {@code cwm}, {@code smollm3}, {@code granite}, {@code
   *     granitemoe}, {@code minicpm} or {@code xverse}
   */
  LlamaMapping(String architecture) {
    this(architecture, UnaryOperator.identity());
  }

  /**
   * @param rope what is made of the config's
   */
  LlamaMapping(String architecture, UnaryOperator<Rope> rope) {
    this.architecture = architecture;
    this.rope = rope;
  }

  @Override
  public Rope rope(Config config) {
    return rope.apply(Rope.of(config));
  }

  @Override
  public String architecture() {
    return architecture;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, architecture);
    Keys.rmsEpsilon(config, out, architecture, architecture.equals("cwm") ? 1e-5 : 1e-6);
    rope(config).put(out, architecture, Keys.headWidth(config));
    switch (architecture) {
      case "smollm3" -> checkSmolLm3(config);
      case "granite" -> graniteScales(config, out, architecture);
      case "granitemoe" -> {
        graniteScales(config, out, architecture);
        ExpertNames.counts(config, out, architecture);
        if (config.has(SHARED)) {
          String key = "granitemoe.expert_shared_feed_forward_length";
          out.integer(key, config.integer(SHARED, 0, Config.MAX_SIZE));
        }
      }
      case "minicpm" -> miniCpmScales(config, out);
      case "cwm" -> {
        Rope.requireBase(config);
        SlidingWindow.putTypes(config, out, "cwm");
      }
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

  /** Puts the constants that Granite scales by. */
  static void graniteScales(Config config, MetadataBuilder out, String architecture) {
    String prefix = architecture + ".";
    out.real(prefix + "attention.scale", config.real("attention_multiplier", 1))
        .real(prefix + "embedding_scale", config.real("embedding_multiplier", 1))
        .real(prefix + "residual_scale", config.real("residual_multiplier", 1))
        .real(prefix + "logit_scale", config.real("logits_scaling", 1));
  }

  private static void miniCpmScales(Config config, MetadataBuilder out) {
    double layers = config.size("num_hidden_layers");
    double width = config.size("hidden_size");
    out.real("minicpm.embedding_scale", config.real("scale_emb"))
        .real("minicpm.residual_scale", config.real("scale_depth") / Math.sqrt(layers))
        .real("minicpm.logit_scale", width / config.size("dim_model_base"));
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    LlamaNames.norms(map, l);
    LlamaNames.interleavedAttention(map, config, l);
    if (architecture.equals("granitemoe")) {
      graniteExperts(config, map, l);
    } else if (config.has("num_local_experts")) {
      ExpertNames.sparse(config, map, l);
    } else {
      LlamaNames.gatedFfn(map, l);
    }
  }

  /** Takes the experts of a layer of Granite. */
  static void graniteExperts(Config config, TensorMap map, int layer) {
    String from = LlamaNames.from(layer);
    String to = LlamaNames.to(layer);
    map.take(from + "block_sparse_moe.router.layer.weight", to + "ffn_gate_inp.weight");
    map.takeHalves(
        from + "block_sparse_moe.input_linear.weight",
        to + "ffn_gate_exps.weight",
        to + "ffn_up_exps.weight");
    map.take(from + "block_sparse_moe.output_linear.weight", to + "ffn_down_exps.weight");
    if (config.has(SHARED) && config.integer(SHARED, 0, Config.MAX_SIZE) > 0) {
      map.takeHalves(
          from + "shared_mlp.input_linear.weight",
          to + "ffn_gate_shexp.weight",
          to + "ffn_up_shexp.weight");
      map.take(from + "shared_mlp.output_linear.weight", to + "ffn_down_shexp.weight");
    }
  }
}
