package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/** LFM2: attention in some layers, short convolutions in the others; dense or with experts. */
public final class Lfm2Mapping implements Mapping {
  private static final List<List<String>> PARTS =
      List.of(List.of("w1", "gate"), List.of("w2", "down"), List.of("w3", "up"));
  private static final int MAX_LENGTH = 64;

  private final boolean isMixture;

  /** Makes the mapping of models with experts or without. */
  public Lfm2Mapping(boolean isMixture) {
    this.isMixture = isMixture;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOff("conv_bias");
    int heads = config.size("num_attention_heads");
    int kvHeads = config.size("num_key_value_heads", heads);
    int[] headsOf =
        IntStream.range(0, layers(config)).map(l -> attends(config, l) ? kvHeads : 0).toArray();
    out.integer("context_length", config.size("max_position_embeddings"))
        .integer("embedding_length", config.size("hidden_size"))
        .integer("block_count", layers(config))
        .integer("feed_forward_length", ffnWidth(config))
        .integer("attention.head_count", heads)
        .integers("attention.head_count_kv", headsOf)
        .integer("vocab_size", config.size("vocab_size"))
        .integer("shortconv.l_cache", config.integer("conv_L_cache", 1, MAX_LENGTH))
        .real("attention.layer_norm_rms_epsilon", config.real("norm_eps", 1e-5));
    if (config.has("head_dim")) {
      out.integer("attention.key_length", config.size("head_dim"))
          .integer("attention.value_length", config.size("head_dim"));
    }
    Rope.of(config).put(out, CommonKeys.headWidth(config));
    if (isMixture) {
      ExpertNames.groupedCounts(config, out, true);
      out.integer("expert_feed_forward_length", config.size("moe_intermediate_size"))
          .integer("leading_dense_block_count", dense(config))
          .integer("expert_gating_func", 2)
          .real("expert_weights_scale", config.real("routed_scaling_factor", 1))
          .bool("expert_weights_norm", config.bool("norm_topk_prob", true));
    }
  }

  private static int layers(Config config) {
    return config.size("num_hidden_layers");
  }

  private int dense(Config config) {
    return isMixture ? config.integer("num_dense_layers", 0, layers(config)) : layers(config);
  }

  private static boolean attends(Config config, int layer) {
    if (!config.has("layer_types")) {
      return IntStream.of(config.integers("full_attn_idxs")).anyMatch(l -> l == layer);
    }
    List<String> types = config.strings("layer_types");
    if (types.size() != layers(config)) {
      throw config.error(
          "layer_types", types.toString(), "must name " + layers(config) + " layers");
    }
    String type = types.get(layer);
    if (!type.equals("conv") && !type.equals("full_attention")) {
      throw config.unsupported("layer_types", type, "supported: conv, full_attention");
    }
    return type.equals("full_attention");
  }

  /**
   * Returns the width of dense blocks; some configurations have one of which two thirds are rounded
   * up to a multiple.
   */
  private int ffnWidth(Config config) {
    int width = config.size(config.has("block_ff_dim") ? "block_ff_dim" : "intermediate_size");
    if (isMixture || !config.bool("block_auto_adjust_ff_dim", true)) {
      return width;
    }
    long adjusted = 2L * width / 3;
    int multiple = config.size("block_multiple_of", 256);
    adjusted = (long) (config.real("block_ffn_dim_multiplier", 1) * adjusted);
    return Math.toIntExact(Math.ceilDiv(adjusted, multiple) * multiple);
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.take("model.embedding_norm.weight", "token_embd_norm.weight");
    LlamaNames.unembedding(map, config, "lm_head", config.bool("tie_embedding", true));
    Rope.of(config).addTensors(map, CommonKeys.headWidth(config));
    for (int l = 0; l < layers(config); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      map.take(from + "operator_norm.weight", to + "attn_norm.weight");
      map.take(from + "ffn_norm.weight", to + "ffn_norm.weight");
      if (attends(config, l)) {
        attention(map, from + "self_attn.", to);
      } else {
        map.takeKernels(
            from + "conv.conv.weight",
            to + "shortconv.conv.weight",
            config.size("hidden_size"),
            IntUnaryOperator.identity());
        map.take(from + "conv.in_proj.weight", to + "shortconv.in_proj.weight");
        map.take(from + "conv.out_proj.weight", to + "shortconv.out_proj.weight");
      }
      if (l < dense(config)) {
        for (List<String> part : PARTS) {
          String name = from + "feed_forward." + part.get(0) + ".weight";
          map.take(name, to + "ffn_" + part.get(1) + ".weight");
        }
      } else {
        experts(config, map, from + "feed_forward.", to);
      }
    }
  }

  private static void attention(TensorMap map, String from, String to) {
    for (String part : List.of("q", "k", "v")) {
      map.take(from + part + "_proj.weight", to + "attn_" + part + ".weight");
    }
    map.take(from + "out_proj.weight", to + "attn_output.weight");
    map.take(from + "q_layernorm.weight", to + "attn_q_norm.weight");
    map.take(from + "k_layernorm.weight", to + "attn_k_norm.weight");
  }

  private static void experts(Config config, TensorMap map, String from, String to) {
    map.take(from + "gate.weight", to + "ffn_gate_inp.weight");
    if (config.bool("use_expert_bias", true)) {
      map.take(from + "expert_bias", to + "exp_probs_b.bias");
    }
    if (map.has(from + "experts.gate_up_proj")) {
      map.takeHalves(
          from + "experts.gate_up_proj", to + "ffn_gate_exps.weight", to + "ffn_up_exps.weight");
      map.take(from + "experts.down_proj", to + "ffn_down_exps.weight");
      return;
    }
    for (List<String> part : PARTS) {
      map.takeStacked(
          from + "experts.%d." + part.get(0) + ".weight",
          config.size("num_experts"),
          to + "ffn_" + part.get(1) + "_exps.weight");
    }
  }
}
