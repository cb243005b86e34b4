package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layouts;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.ArrayList;
import java.util.List;

/** Nemotron-H and Nemotron 3, whose layers have one sublayer each. */
public final class NemotronHMapping implements Mapping {
  private static final String PATTERN = "hybrid_override_pattern";

  /**
   * Kinds of layers: the letter in a pattern, and the names in lists before and since transformers
   * 5.
   */
  private enum Kind {
    MAMBA("M", "mamba", "linear_attention"),
    ATTENTION("*", "attention", "full_attention"),
    FFN("-", "mlp", "mlp"),
    EXPERTS("E", "moe", "moe");

    private final String letter;
    private final String oldName;
    private final String newName;

    Kind(String letter, String oldName, String newName) {
      this.letter = letter;
      this.oldName = oldName;
      this.newName = newName;
    }

    private boolean isCalled(String name) {
      return name.equals(letter) || name.equals(oldName) || name.equals(newName);
    }
  }

  private final boolean isMixture;

  public NemotronHMapping(boolean isMixture) {
    this.isMixture = isMixture;
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

  @Override
  public boolean mapsAdapters() {
    return false;
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
      if (kind.isCalled(name)) {
        return kind;
      }
    }
    throw config.unsupported(key, name, "supported: " + List.of(Kind.values()));
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("mlp_hidden_act", "relu2");
    config.requireOneOf("mamba_hidden_act", "silu");
    config.requireOff("use_bias");
    config.require("sliding_window", value -> false, "there must be none");
    config.require("moe_latent_size", value -> false, "there must be none");
    List<Kind> kinds = kinds(config);
    int heads = config.size("num_attention_heads");
    int kvHeads = config.size("num_key_value_heads", heads);
    int dH = headWidth(config);
    out.integer("context_length", config.size("max_position_embeddings"))
        .integer("embedding_length", config.size("hidden_size"))
        .integer("block_count", kinds.size())
        .integer("attention.head_count", heads)
        .integers("attention.head_count_kv", where(kinds, Kind.ATTENTION, kvHeads))
        .integer("attention.key_length", dH)
        .integer("attention.value_length", dH)
        .integer("vocab_size", config.size("vocab_size"));
    CommonKeys.layerNormEpsilon(config, out, "layer_norm_epsilon");
    mamba(config).keys(config, out);
    if (!isMixture) {
      int width = config.size("intermediate_size");
      out.integers("feed_forward_length", where(kinds, Kind.FFN, width));
      return;
    }
    int width = config.size("moe_intermediate_size");
    ExpertNames.counts(config, out);
    out.integers("feed_forward_length", where(kinds, Kind.EXPERTS, width))
        .integer("expert_feed_forward_length", width)
        .integer(
            "expert_shared_feed_forward_length", config.size("moe_shared_expert_intermediate_size"))
        .integer("expert_shared_count", config.size("n_shared_experts"))
        .bool("expert_weights_norm", config.bool("norm_topk_prob", true))
        .real("expert_weights_scale", config.real("routed_scaling_factor", 1));
  }

  /** Returns a number in the layers of a kind, and 0 in the others. */
  private static int[] where(List<Kind> kinds, Kind kind, int n) {
    return kinds.stream().mapToInt(k -> k == kind ? n : 0).toArray();
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

  @Override
  public void tensors(Config config, TensorMap map) {
    map.ignoreAll("mtp."); // what drafts tokens
    String model = map.has("model.embeddings.weight") ? "model." : "backbone.";
    map.take(model + "embeddings.weight", "token_embd.weight");
    map.take(model + "norm_f.weight", "output_norm.weight");
    LlamaNames.unembedding(map, config, "lm_head", !map.has("lm_head.weight"));
    List<Kind> kinds = kinds(config);
    for (int l = 0; l < kinds.size(); l++) {
      String from = model + "layers." + l + ".";
      String to = LlamaNames.to(l);
      map.take(from + "norm.weight", to + "attn_norm.weight");
      String mixer = from + "mixer.";
      switch (kinds.get(l)) {
        case MAMBA -> mamba(config).tensors(map, mixer, to);
        case ATTENTION -> attention(config, map, mixer, to);
        case FFN -> plainFfn(map, mixer, to, "");
        case EXPERTS -> experts(config, map, mixer, to);
      }
    }
  }

  /**
   * Takes attention, whose RoPE pairs are made adjacent as in files of llama.cpp, though there is
   * no RoPE.
   */
  private static void attention(Config config, TensorMap map, String from, String to) {
    int heads = config.size("num_attention_heads");
    int kvHeads = config.size("num_key_value_heads", heads);
    int dH = headWidth(config);
    map.takeRows(from + "q_proj", to + "attn_q", heads * dH, Layouts.interleavedPairs(dH));
    map.takeRows(from + "k_proj", to + "attn_k", kvHeads * dH, Layouts.interleavedPairs(dH));
    map.takeLinear(from + "v_proj", to + "attn_v");
    map.takeLinear(from + "o_proj", to + "attn_output");
  }

  private static int headWidth(Config config) {
    String key = config.firstOf("head_dim", "attention_head_dim");
    int dH = config.integer(key, 2, KvShape.HEAD_MAX);
    if (dH % 2 != 0) {
      throw config.error(key, Integer.toString(dH), "must be even");
    }
    return dH;
  }

  private static void plainFfn(TensorMap map, String from, String to, String suffix) {
    for (String part : List.of("up", "down")) {
      map.takeLinear(from + part + "_proj", to + "ffn_" + part + suffix);
    }
  }

  private static void experts(Config config, TensorMap map, String from, String to) {
    map.take(from + "gate.weight", to + "ffn_gate_inp.weight");
    map.take(from + "gate.e_score_correction_bias", to + "exp_probs_b.bias");
    for (String part : List.of("up", "down")) {
      map.takeStacked(
          from + "experts.%d." + part + "_proj.weight",
          config.size("n_routed_experts"),
          to + "ffn_" + part + "_exps.weight");
    }
    plainFfn(map, from + "shared_experts.", to, "_shexp");
  }
}
