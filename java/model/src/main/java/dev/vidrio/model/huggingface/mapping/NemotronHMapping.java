package dev.vidrio.model.huggingface.mapping;

import static dev.vidrio.model.huggingface.mapping.LayerTensors.linear;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import dev.vidrio.model.huggingface.mapping.MappingSpec.KeyRule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Nemotron-H and Nemotron 3, with one sublayer in each layer. */
public final class NemotronHMapping {
  private static final String PATTERN = "hybrid_override_pattern";

  /**
   * Kinds of layers: the letter in a pattern, and the names in lists before and since transformers
   * 5.
   */
  private enum Kind {
    MAMBA,
    ATTENTION,
    FFN,
    EXPERTS;

    List<String> names() {
      return switch (this) {
        case MAMBA -> List.of("M", "mamba", "linear_attention");
        case ATTENTION -> List.of("*", "attention", "full_attention");
        case FFN -> List.of("-", "mlp");
        case EXPERTS -> List.of("E", "moe");
      };
    }
  }

  /** Models without experts. */
  public static final MappingSpec DENSE =
      spec().keys(layers("feed_forward_length", Kind.FFN, "intermediate_size"));

  /** Models with experts. */
  public static final MappingSpec MIXTURE =
      spec()
          .keys(
              layers("feed_forward_length", Kind.EXPERTS, "moe_intermediate_size"),
              ExpertNames::counts,
              ExpertNames.MOE_WIDTH,
              ExpertNames.sharedWidth("moe_shared_expert_intermediate_size"),
              CommonKeys.size("n_shared_experts", "expert_shared_count"),
              ExpertNames.normalized(true),
              ExpertNames.scale("routed_scaling_factor", 1));

  private NemotronHMapping() {}

  private static MappingSpec spec() {
    return MappingSpec.of(
            linear("norm", "attn_norm"),
            (config, layer, l) -> mixer(config, kinds(config).get(l), layer.in("mixer.", "")))
        .reading(config -> config.with("num_hidden_layers", kinds(config).size()))
        .attributes(
            Map.of(
                "head_dim", List.of("head_dim", "attention_head_dim"),
                "mamba_n_groups", List.of("n_groups"),
                "mamba_d_conv", List.of("conv_kernel")))
        .activation("mlp_hidden_act", "relu2")
        .check(config -> config.requireOneOf("mamba_hidden_act", "silu"))
        .off("use_bias")
        .check(config -> config.require("sliding_window", value -> false, "there must be none"))
        .check(config -> config.require("moe_latent_size", value -> false, "there must be none"))
        .dimensions(CommonKeys::dimensionsWithoutFfn)
        .layerNormEpsilon("layer_norm_epsilon")
        .noRope()
        .keys(
            (config, out) -> out.integer("attention.key_length", headWidth(config)),
            (config, out) -> out.integer("attention.value_length", headWidth(config)),
            (config, out) ->
                CommonKeys.kvHeads(config, out, l -> kinds(config).get(l) == Kind.ATTENTION),
            (config, out) -> mamba(config).keys(config, out))
        .root("backbone.", "model.")
        .modules("embeddings", "norm_f", "layers.")
        .ignoring("mtp.") // which draft tokens
        .withoutAdapters();
  }

  /** Returns a rule that copies a size for the layers of a kind, and adds 0 for the others. */
  private static KeyRule layers(String to, Kind kind, String from) {
    return (config, out) -> {
      int size = config.size(from);
      out.integers(to, kinds(config).stream().mapToInt(k -> k == kind ? size : 0).toArray());
    };
  }

  /** Returns whether some layers have experts. */
  public static boolean isMixture(Config config) {
    List<Kind> kinds = kinds(config);
    boolean isMixture = kinds.contains(Kind.EXPERTS);
    if (isMixture && kinds.contains(Kind.FFN)) {
      throw config.unsupported(key(config), kinds.toString(), "experts in some layers or in none");
    }
    return isMixture;
  }

  private static String key(Config config) {
    return config.firstOf(PATTERN, "layers_block_type", "layer_types");
  }

  private static List<Kind> kinds(Config config) {
    String key = key(config);
    List<Kind> kinds = new ArrayList<>();
    if (config.isString(key)) {
      for (char letter : config.string(key, "").toCharArray()) {
        kinds.add(kind(config, key, Character.toString(letter)));
      }
    } else {
      config.strings(key).forEach(name -> kinds.add(kind(config, key, name)));
    }
    if (kinds.isEmpty() || kinds.size() > Config.MAX_LAYERS) {
      throw config.error(key, kinds.size() + " layers", "must be 1 to " + Config.MAX_LAYERS);
    }
    return kinds;
  }

  private static Kind kind(Config config, String key, String name) {
    for (Kind kind : Kind.values()) {
      if (kind.names().contains(name)) {
        return kind;
      }
    }
    throw config.unsupported(key, name, "supported: " + List.of(Kind.values()));
  }

  private static Mamba2Names mamba(Config config) {
    var spelling =
        new Mamba2Names.Spelling(
            config.firstOf("n_groups", "mamba_n_groups"),
            "mamba_num_heads",
            "ssm_state_size",
            config.firstOf("conv_kernel", "mamba_d_conv"));
    return Mamba2Names.of(config, spelling, config.size("mamba_head_dim"));
  }

  private static void mixer(Config config, Kind kind, TensorMap mixer) {
    switch (kind) {
      case MAMBA -> mamba(config).tensors(mixer);
      case ATTENTION -> attention(config, mixer);
      case FFN -> plainFfn(mixer, "", "");
      case EXPERTS -> experts(config, mixer);
    }
  }

  /**
   * Takes attention. RoPE pairs are made adjacent as in files of llama.cpp, though there is no
   * RoPE.
   */
  private static void attention(Config config, TensorMap mixer) {
    int heads = config.size("num_attention_heads");
    LlamaNames.interleaved(mixer, "", heads, CommonKeys.kvHeads(config), headWidth(config));
    mixer.takeLinear("o_proj", "attn_output");
  }

  private static int headWidth(Config config) {
    config.integer("head_dim", 2, KvShape.HEAD_MAX);
    return CommonKeys.headWidth(config);
  }

  private static void plainFfn(TensorMap mixer, String from, String suffix) {
    mixer.takeLinear(from + "up_proj", "ffn_up" + suffix);
    mixer.takeLinear(from + "down_proj", "ffn_down" + suffix);
  }

  private static void experts(Config config, TensorMap mixer) {
    int count = config.size("n_routed_experts");
    mixer.take("gate.weight", "ffn_gate_inp.weight");
    mixer.take("gate.e_score_correction_bias", "exp_probs_b.bias");
    mixer.takeStacked("experts.%d.up_proj.weight", count, "ffn_up_exps.weight");
    mixer.takeStacked("experts.%d.down_proj.weight", count, "ffn_down_exps.weight");
    plainFfn(mixer, "shared_experts.", "_shexp");
  }
}
