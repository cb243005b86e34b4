package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Gemma, Gemma 2, VaultGemma and Gemma 3 (text). Their norms multiply by 1 + gain; GGUF files hold
 * the sum.
 */
final class GemmaMapping implements Mapping {

  /**
   * What transformers takes of Gemma 3 where the config says nothing: that of 4B leaves much out.
   */
  private static final Map<String, Integer> USUAL =
      Map.of(
          "vocab_size", 262208,
          "num_attention_heads", 8,
          "num_key_value_heads", 4,
          "head_dim", 256,
          "max_position_embeddings", 131072,
          "rope_theta", 1_000_000,
          "rope_local_base_freq", 10_000);

  /** Those that have caps on scores and logits. */
  private static final Set<String> CAPPED = Set.of("gemma2", "vaultgemma");

  private final String architecture;

  /**
   * @param architecture {@code gemma}, {@code gemma2}, {@code vaultgemma} or {@code gemma3}
   */
  GemmaMapping(String architecture) {
    this.architecture = architecture;
  }

  @Override
  public String architecture() {
    return architecture;
  }

  @Override
  public void keys(Config said, MetadataBuilder out) {
    Config config = complete(said);
    String prefix = architecture + ".";
    if (architecture.equals("gemma")) {
      // transformers runs the tanh approximation for the first models that say gelu
      config.requireOneOf("hidden_activation", "gelu_pytorch_tanh");
      config.requireOneOf("hidden_act", "gelu_pytorch_tanh", "gelu");
    } else {
      config.requireOneOf(config.firstOf("hidden_activation", "hidden_act"), "gelu_pytorch_tanh");
    }
    config.requireOff("use_bidirectional_attention");
    Keys.sizes(config, out, architecture);
    int dH = headWidth(config);
    out.integer(prefix + "attention.key_length", dH).integer(prefix + "attention.value_length", dH);
    Keys.rmsEpsilon(config, out, architecture);
    Rope.of(config).put(out, architecture, dH);
    if (!architecture.equals("gemma")) {
      out.real(
          prefix + "attention.scale", 1 / Math.sqrt(config.real("query_pre_attn_scalar", 256)));
      windows(config, out);
    }
    softCap(config, out, "attn_logit_softcapping");
    softCap(config, out, "final_logit_softcapping");
  }

  private void windows(Config config, MetadataBuilder out) {
    if (architecture.equals("vaultgemma")) {
      SlidingWindow.put(config, out, architecture, 2);
      return;
    }
    out.integer(architecture + ".attention.sliding_window", config.size("sliding_window"));
    checkWindows(config, architecture.equals("gemma2") ? 2 : 6);
  }

  private Config complete(Config config) {
    return architecture.equals("gemma3") ? config.withDefaults(USUAL) : config;
  }

  private static int headWidth(Config config) {
    return config.size("head_dim", 256);
  }

  /**
   * Gemma 2 and VaultGemma have caps unless their config says null; the others have none unless it
   * says how high.
   */
  private void softCap(Config config, MetadataBuilder out, String key) {
    if (config.has(key)) {
      out.real(architecture + "." + key, config.real(key));
    } else if (config.isNull(key) && CAPPED.contains(architecture)) {
      out.real(architecture + "." + key, 0);
    }
  }

  /** The file format has no key for the layers without a window: each second, or each sixth. */
  private static void checkWindows(Config config, int period) {
    String alternative = "each layer but every " + period + "th has a sliding window";
    config.require("sliding_window_pattern", value -> value.asInt(0) == period, alternative);
    if (config.has("layer_types")) {
      List<String> types = config.strings("layer_types");
      for (int l = 0; l < types.size(); l++) {
        String expected = (l + 1) % period == 0 ? "full_attention" : "sliding_attention";
        if (!types.get(l).equals(expected)) {
          throw config.unsupported("layer_types", "[" + l + "] " + types.get(l), alternative);
        }
      }
    }
  }

  @Override
  public void tensors(Config said, TensorMap map) {
    Config config = complete(said);
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.takePlusOne("model.norm.weight", "output_norm.weight");
    LlamaNames.unembedding(map, config, "lm_head", true);
    Rope.of(config).addTensors(map, headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      LlamaNames.attention(map, l);
      LlamaNames.gatedFfn(map, l);
      norm(map, l, "input_layernorm", "attn_norm");
      switch (architecture) {
        case "gemma" -> norm(map, l, "post_attention_layernorm", "ffn_norm");
        case "vaultgemma" -> norm(map, l, "pre_feedforward_layernorm", "ffn_norm");
        default -> {
          norm(map, l, "post_attention_layernorm", "post_attention_norm");
          norm(map, l, "pre_feedforward_layernorm", "ffn_norm");
          norm(map, l, "post_feedforward_layernorm", "post_ffw_norm");
        }
      }
      if (architecture.equals("gemma3")) {
        norm(map, l, "self_attn.q_norm", "attn_q_norm");
        norm(map, l, "self_attn.k_norm", "attn_k_norm");
      }
    }
  }

  private static void norm(TensorMap map, int layer, String from, String to) {
    map.takePlusOne(
        LlamaNames.from(layer) + from + ".weight", LlamaNames.to(layer) + to + ".weight");
  }
}
