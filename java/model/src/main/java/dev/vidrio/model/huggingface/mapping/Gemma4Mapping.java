package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Gemma 4: two head widths, values that may be keys, per-layer inputs, experts. */
public final class Gemma4Mapping implements Mapping {
  private static final int PERIOD = 6;
  private static final String PER_LAYER = "per_layer_config";
  private static final String PER_LAYER_WIDTH = "hidden_size_per_layer_input";
  private static final String SHARED = "num_kv_shared_layers";

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_activation", "gelu_pytorch_tanh");
    config.requireOneOf("use_bidirectional_attention", "vision");
    CommonKeys.dimensions(config, out);
    CommonKeys.rmsEpsilon(config, out, 1e-6);
    List<Boolean> slides = SlidingWindow.layers(config, PERIOD);
    int dH = fullWidth(config, slides);
    int slidingWidth = CommonKeys.headWidth(config);
    int shared = sharedLayers(config);
    out.integer("attention.key_length", dH)
        .integer("attention.value_length", dH)
        .integer("attention.key_length_swa", slidingWidth)
        .integer("attention.value_length_swa", slidingWidth)
        .integer("attention.sliding_window", config.size("sliding_window", 512))
        .bools("attention.sliding_window_pattern", slides)
        .integer("attention.shared_kv_layers", shared)
        .integer("embedding_length_per_layer_input", perLayerWidth(config));
    kvHeads(config, out, slides);
    if (isMixture(config)) {
      out.integer("expert_count", config.size("num_experts"))
          .integer("expert_used_count", config.size("top_k_experts"))
          .integer("expert_feed_forward_length", config.size("moe_intermediate_size"));
    }
    if (config.bool("use_double_wide_mlp", false)) {
      int layers = slides.size();
      int width = config.size("intermediate_size");
      out.integers(
          "feed_forward_length",
          IntStream.range(0, layers).map(l -> l < layers - shared ? width : 2 * width).toArray());
    }
    if (config.has("final_logit_softcapping")) {
      out.real("final_logit_softcapping", config.real("final_logit_softcapping"));
    }
    rope(config, out, dH, slidingWidth);
  }

  private static boolean isMixture(Config config) {
    return config.bool("enable_moe_block", false);
  }

  private static int sharedLayers(Config config) {
    int layers = config.size("num_hidden_layers");
    return config.has(SHARED) ? config.integer(SHARED, 0, layers - 1) : 0;
  }

  private static int perLayerWidth(Config config) {
    if (!config.has(PER_LAYER_WIDTH)) {
      return config.isNull(PER_LAYER_WIDTH) ? 0 : 256;
    }
    int width = config.integer(PER_LAYER_WIDTH, 0, Config.MAX_SIZE);
    int vocabulary = config.size("vocab_size");
    config.require(
        "vocab_size_per_layer_input",
        value -> width == 0 || value.asInt(0) == vocabulary,
        "must be vocab_size " + vocabulary);
    return width;
  }

  /** Returns the head width of layers without a window. */
  private static int fullWidth(Config config, List<Boolean> slides) {
    Integer own = ofFullLayers(config, slides, "head_dim");
    int dH = own == null ? config.size("global_head_dim", 512) : own;
    if (dH % 2 != 0) {
      throw config.error("global_head_dim", Integer.toString(dH), "must be even");
    }
    return dH;
  }

  /** Adds key-value heads, of which layers without a window may have another number. */
  private static void kvHeads(Config config, MetadataBuilder out, List<Boolean> slides) {
    Integer full = ofFullLayers(config, slides, "num_key_value_heads");
    String global = "num_global_key_value_heads";
    if (full == null && config.bool("attention_k_eq_v", false) && config.has(global)) {
      full = config.size(global);
    }
    if (full != null) {
      int[] heads = new int[slides.size()];
      int sliding = config.size("num_key_value_heads");
      for (int l = 0; l < heads.length; l++) {
        heads[l] = slides.get(l) ? sliding : full;
      }
      out.integers("attention.head_count_kv", heads);
    }
  }

  /** Returns a size that newer configurations have per layer without a window, or null. */
  private static @Nullable Integer ofFullLayers(Config config, List<Boolean> slides, String key) {
    Config layers = config.object(PER_LAYER);
    Integer size = null;
    for (String number : layers.keys()) {
      Config layer = layers.object(number);
      boolean full =
          IntStream.range(0, slides.size())
              .anyMatch(l -> !slides.get(l) && number.equals(Integer.toString(l)));
      if (!full || !Set.of("head_dim", "num_key_value_heads").containsAll(layer.keys())) {
        throw config.unsupported(
            PER_LAYER,
            number + " " + layer.keys(),
            "layers without a window have head_dim and num_key_value_heads of their own");
      }
      if (layer.has(key)) {
        if (size != null && layer.size(key) != size) {
          throw config.unsupported(
              PER_LAYER, number + " " + key, "layers without a window must be alike");
        }
        size = layer.size(key);
      }
    }
    return size;
  }

  private static void rope(Config config, MetadataBuilder out, int dH, int slidingWidth) {
    Config full = parameters(config, "full_attention");
    full.requireOneOf("rope_type", "proportional", "default");
    full.require("factor", value -> value.asDouble(0) == 1, "must be 1");
    Config sliding = parameters(config, "sliding_attention");
    sliding.requireOneOf("rope_type", "default");
    out.integer("rope.dimension_count", dH)
        .integer("rope.dimension_count_swa", slidingWidth)
        .real("rope.freq_base", full.real("rope_theta", 1e6))
        .real("rope.freq_base_swa", sliding.real("rope_theta", 1e4));
  }

  private static Config parameters(Config config, String layers) {
    return config.object("rope_parameters").object(layers);
  }

  /** Returns divisors of frequencies; those of pairs without rotation are nearly infinite. */
  private static float[] divisors(Config config) {
    Config full = parameters(config, "full_attention");
    int dH = fullWidth(config, SlidingWindow.layers(config, PERIOD));
    boolean whole = full.string("rope_type", "proportional").equals("default");
    double share = whole ? 1 : full.real("partial_rotary_factor", full.has("rope_type") ? 1 : 0.25);
    int turning = (int) (share * dH / 2);
    if (turning < 1 || turning > dH / 2) {
      throw full.error(
          "partial_rotary_factor", Double.toString(share), "must be above 0 and at most 1");
    }
    var divisors = new float[dH / 2];
    Arrays.fill(divisors, 1);
    Arrays.fill(divisors, turning, divisors.length, 1e30f);
    return divisors;
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.take("model.norm.weight", "output_norm.weight");
    LlamaNames.unembedding(map, config, "lm_head", true);
    map.addVector("rope_freqs.weight", divisors(config));
    boolean perLayer = perLayerWidth(config) > 0;
    if (perLayer) {
      map.take("model.embed_tokens_per_layer.weight", "per_layer_token_embd.weight");
      map.take("model.per_layer_model_projection.weight", "per_layer_model_proj.weight");
      map.take("model.per_layer_projection_norm.weight", "per_layer_proj_norm.weight");
    }
    List<Boolean> slides = SlidingWindow.layers(config, PERIOD);
    int own = slides.size() - sharedLayers(config);
    boolean keysAsValues = config.bool("attention_k_eq_v", false);
    for (int l = 0; l < slides.size(); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      attention(map, from + "self_attn.", to, l < own, keysAsValues && !slides.get(l));
      norms(map, from, to);
      LlamaNames.gatedFfn(config, map, l);
      if (isMixture(config)) {
        mixture(map, from, to);
      }
      if (perLayer) {
        perLayerInputs(map, from, to);
      }
      map.take(from + "layer_scalar", to + "layer_output_scale.weight");
    }
  }

  /** Takes a layer's norms before and behind attention and feed-forward block. */
  static void norms(TensorMap map, String from, String to) {
    map.takeLinear(from + "input_layernorm", to + "attn_norm");
    map.takeLinear(from + "post_attention_layernorm", to + "post_attention_norm");
    map.takeLinear(from + "pre_feedforward_layernorm", to + "ffn_norm");
    map.takeLinear(from + "post_feedforward_layernorm", to + "post_ffw_norm");
  }

  /** Takes what a layer does with its inputs. */
  static void perLayerInputs(TensorMap map, String from, String to) {
    map.takeLinear(from + "per_layer_input_gate", to + "inp_gate");
    map.takeLinear(from + "per_layer_projection", to + "proj");
    map.takeLinear(from + "post_per_layer_input_norm", to + "post_norm");
  }

  /** Takes a layer's experts and what stands around them. */
  private static void mixture(TensorMap map, String from, String to) {
    map.take(from + "router.proj.weight", to + "ffn_gate_inp.weight");
    map.take(from + "router.scale", to + "ffn_gate_inp.scale");
    map.take(from + "router.per_expert_scale", to + "ffn_down_exps.scale");
    map.take(from + "experts.gate_up_proj", to + "ffn_gate_up_exps.weight");
    map.take(from + "experts.down_proj", to + "ffn_down_exps.weight");
    map.takeLinear(from + "pre_feedforward_layernorm_2", to + "pre_ffw_norm_2");
    map.takeLinear(from + "post_feedforward_layernorm_1", to + "post_ffw_norm_1");
    map.takeLinear(from + "post_feedforward_layernorm_2", to + "post_ffw_norm_2");
  }

  /**
   * Takes a layer's attention.
   *
   * @param own whether it has keys and values; where not, checkpoints may have unused weights
   * @param keysAsValues whether its values are its keys
   */
  static void attention(TensorMap map, String from, String to, boolean own, boolean keysAsValues) {
    map.takeLinear(from + "q_proj", to + "attn_q");
    map.takeLinear(from + "q_norm", to + "attn_q_norm");
    map.takeLinear(from + "o_proj", to + "attn_output");
    if (!own) {
      for (String unused : List.of("k_proj", "v_proj", "k_norm", "v_norm")) {
        map.ignore(from + unused + ".weight");
      }
      return;
    }
    map.takeLinear(from + "k_proj", to + "attn_k");
    map.takeLinear(from + "k_norm", to + "attn_k_norm");
    if (!keysAsValues) {
      map.takeLinear(from + "v_proj", to + "attn_v");
    }
  }
}
