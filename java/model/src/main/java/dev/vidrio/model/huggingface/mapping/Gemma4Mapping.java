package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Gemma 4: two head widths, values that may be keys, per-layer inputs, experts. */
public final class Gemma4Mapping {
  private static final int PERIOD = 6;
  private static final String PER_LAYER = "per_layer_config";
  private static final String PER_LAYER_WIDTH = "hidden_size_per_layer_input";
  private static final String SHARED = "num_kv_shared_layers";

  /** The mapping. */
  public static final MappingSpec SPEC =
      MappingSpec.of(
              Gemma4Mapping::attention,
              Gemma4Mapping::norms,
              LlamaNames::gatedFfn,
              LayerTensors.all(Gemma4Mapping::mixture).when((config, l) -> isMixture(config)),
              LayerTensors.all(Gemma4Mapping::perLayerInputs)
                  .when((config, l) -> perLayerWidth(config) > 0),
              LayerTensors.tensor("layer_scalar", "layer_output_scale.weight"))
          .activation("hidden_activation", "gelu_pytorch_tanh")
          .check(config -> config.requireOneOf("use_bidirectional_attention", "vision"))
          .noRope()
          .keys(
              Gemma4Mapping::keys,
              CommonKeys.optionalReal("final_logit_softcapping", "final_logit_softcapping"))
          .tied(true)
          .tensors(Gemma4Mapping::outside);

  private Gemma4Mapping() {}

  private static void keys(Config config, MetadataBuilder out) {
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
    rope(config, out, dH, slidingWidth);
  }

  private static boolean isMixture(Config config) {
    return config.bool("enable_moe_block", false);
  }

  /** Returns the number of last layers without keys and values of their own. */
  static int sharedLayers(Config config) {
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

  /** Adds key-value heads; layers without a window may have another number of them. */
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

  private static float[] divisors(Config config) {
    Config full = parameters(config, "full_attention");
    int dH = fullWidth(config, SlidingWindow.layers(config, PERIOD));
    return Rope.partialDivisors(full, dH, full.has("rope_type") ? 1 : 0.25);
  }

  private static void outside(Config config, TensorMap model) {
    model.addVector("rope_freqs.weight", divisors(config));
    if (perLayerWidth(config) > 0) {
      model.take("embed_tokens_per_layer.weight", "per_layer_token_embd.weight");
      perLayerProjections(model);
    }
  }

  /** Takes the projection of embeddings to inputs of layers. */
  static void perLayerProjections(TensorMap model) {
    model.take("per_layer_model_projection.weight", "per_layer_model_proj.weight");
    model.take("per_layer_projection_norm.weight", "per_layer_proj_norm.weight");
  }

  /** Takes a layer's norms before and after attention and feed-forward block. */
  static void norms(Config config, TensorMap layer, int index) {
    layer.takeLinear("input_layernorm", "attn_norm");
    layer.takeLinear("post_attention_layernorm", "post_attention_norm");
    layer.takeLinear("pre_feedforward_layernorm", "ffn_norm");
    layer.takeLinear("post_feedforward_layernorm", "post_ffw_norm");
  }

  /** Takes the residual addition of a layer's input. */
  static void perLayerInputs(Config config, TensorMap layer, int index) {
    layer.takeLinear("per_layer_input_gate", "inp_gate");
    layer.takeLinear("per_layer_projection", "proj");
    layer.takeLinear("post_per_layer_input_norm", "post_norm");
  }

  /** Takes a layer's experts and the norms around them. */
  private static void mixture(Config config, TensorMap layer, int index) {
    layer.take("router.proj.weight", "ffn_gate_inp.weight");
    layer.take("router.scale", "ffn_gate_inp.scale");
    layer.take("router.per_expert_scale", "ffn_down_exps.scale");
    ExpertNames.fused(layer, "experts.");
    layer.takeLinear("pre_feedforward_layernorm_2", "pre_ffw_norm_2");
    layer.takeLinear("post_feedforward_layernorm_1", "post_ffw_norm_1");
    layer.takeLinear("post_feedforward_layernorm_2", "post_ffw_norm_2");
  }

  private static void attention(Config config, TensorMap layer, int index) {
    List<Boolean> slides = SlidingWindow.layers(config, PERIOD);
    boolean keysAsValues = config.bool("attention_k_eq_v", false) && !slides.get(index);
    attention(layer, index < slides.size() - sharedLayers(config), keysAsValues);
  }

  /**
   * Takes a layer's attention.
   *
   * @param own whether it has keys and values; where not, checkpoints may have unused weights
   * @param keysAsValues whether its values are its keys
   */
  static void attention(TensorMap layer, boolean own, boolean keysAsValues) {
    layer.takeLinear("self_attn.q_proj", "attn_q");
    layer.takeLinear("self_attn.q_norm", "attn_q_norm");
    layer.takeLinear("self_attn.o_proj", "attn_output");
    if (!own) {
      for (String unused : List.of("k_proj", "v_proj", "k_norm", "v_norm")) {
        layer.ignore("self_attn." + unused + ".weight");
      }
      return;
    }
    layer.takeLinear("self_attn.k_proj", "attn_k");
    layer.takeLinear("self_attn.k_norm", "attn_k_norm");
    if (!keysAsValues) {
      layer.takeLinear("self_attn.v_proj", "attn_v");
    }
  }
}
