package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;

/** Llama 4: expert matrices inputs by outputs, gate and up side by side. */
public final class Llama4Mapping implements Mapping {
  private static final int LAYERS_PER_FULL = 4;

  /** Experts of Maverick, which does not normalize queries and keys. */
  public static final int EXPERTS_WITHOUT_NORM = 128;

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.require("num_experts_per_tok", value -> value.asInt(0) == 1, "must be 1");
    CommonKeys.dimensions(config, out);
    CommonKeys.rmsEpsilon(config, out, 1e-5);
    Rope.requireBase(config);
    Rope.of(config).put(out, CommonKeys.headWidth(config));
    int experts = config.size("num_local_experts");
    boolean normalizes = config.bool("use_qk_norm", true);
    if (normalizes == (experts == EXPERTS_WITHOUT_NORM)) {
      throw config.unsupported(
          "use_qk_norm",
          Boolean.toString(normalizes),
          "queries and keys are normalized but where there are "
              + EXPERTS_WITHOUT_NORM
              + " experts");
    }
    // Here the feed-forward blocks' width is that of dense ones, there that of an expert.
    out.integer("feed_forward_length", config.size("intermediate_size_mlp"))
        .integer("expert_feed_forward_length", config.size("intermediate_size"))
        .integer("expert_count", experts)
        .integer("expert_used_count", 1)
        .integer("interleave_moe_layer_step", step(config));
    attention(config, out);
  }

  /**
   * Adds the keys of attention; the format has no key for layers without RoPE, which must be each
   * fourth.
   */
  private static void attention(Config config, MetadataBuilder out) {
    config.require(
        "no_rope_layer_interval", value -> value.asInt(0) == LAYERS_PER_FULL, "must be 4");
    int layers = config.size("num_hidden_layers");
    for (int l = 0; l < layers; l++) {
      boolean local = (l + 1) % LAYERS_PER_FULL != 0;
      requireInLayer(config, "no_rope_layers", l, local);
      if (config.has("layer_types")) {
        String type = local ? "chunked_attention" : "full_attention";
        List<String> types = config.strings("layer_types");
        String found = l < types.size() ? types.get(l) : "missing";
        if (!found.equals(type)) {
          throw config.unsupported("layer_types", "[" + l + "] " + found, "must be " + type);
        }
      }
    }
    boolean grows = config.bool("attn_temperature_tuning", true);
    out.integer("attention.sliding_window", config.size("attention_chunk_size"))
        .integer("attention.temperature_length", config.size("floor_scale", 8192))
        .real("attention.temperature_scale", grows ? config.real("attn_scale", 0.1) : 0);
  }

  private static void requireInLayer(Config config, String key, int layer, boolean expected) {
    if (config.has(key)) {
      int[] values = config.integers(key);
      if (values.length > 0 && (layer >= values.length || values[layer] != (expected ? 1 : 0))) {
        throw config.unsupported(key, "[" + layer + "]", "each fourth layer does not rotate");
      }
    }
  }

  private static int step(Config config) {
    int step = config.size("interleave_moe_layer_step", 1);
    if (config.has("moe_layers")) {
      int[] mixtures = config.integers("moe_layers");
      for (int i = 0; i < mixtures.length; i++) {
        if (mixtures[i] != (i + 1) * step - 1) {
          throw config.unsupported(
              "moe_layers",
              "[" + i + "] " + mixtures[i],
              "each layer of " + step + " has a mixture");
        }
      }
    }
    return step;
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.take("model.norm.weight", "output_norm.weight");
    LlamaNames.unembedding(map, config, "lm_head", false);
    Rope.of(config).addTensors(map, CommonKeys.headWidth(config));
    int step = step(config);
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      map.take(from + "input_layernorm.weight", to + "attn_norm.weight");
      map.take(from + "post_attention_layernorm.weight", to + "ffn_norm.weight");
      for (String part : new String[] {"q", "k", "v"}) {
        map.takeLinear(from + "self_attn." + part + "_proj", to + "attn_" + part);
      }
      map.takeLinear(from + "self_attn.o_proj", to + "attn_output");
      if ((l + 1) % step == 0) {
        mixture(map, from + "feed_forward.", to);
      } else {
        gated(map, from + "feed_forward.", to, "");
      }
    }
  }

  private static void mixture(TensorMap map, String from, String to) {
    map.take(from + "router.weight", to + "ffn_gate_inp.weight");
    map.takeColumnHalves(
        from + "experts.gate_up_proj", to + "ffn_gate_exps.weight", to + "ffn_up_exps.weight");
    map.takeColumns(from + "experts.down_proj", to + "ffn_down_exps.weight", 0, 1);
    gated(map, from + "shared_expert.", to, "_shexp");
  }

  private static void gated(TensorMap map, String from, String to, String suffix) {
    for (String part : new String[] {"gate", "up", "down"}) {
      map.take(from + part + "_proj.weight", to + "ffn_" + part + suffix + ".weight");
    }
  }
}
