package dev.vidrio.model.huggingface.mapping;

import static dev.vidrio.model.huggingface.mapping.LayerTensors.linear;
import static dev.vidrio.model.huggingface.mapping.LayerTensors.tensor;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import dev.vidrio.model.huggingface.mapping.MappingSpec.KeyRule;
import java.util.List;
import java.util.Map;

/**
 * Models with latent attention: DeepSeek V2, V3 and R1, GLM-4.7-Flash, Mistral 4, A.X K1, Sarvam
 * 105B, Youtu and MiniCPM3.
 */
public final class LatentMapping {
  /** Epsilon of latent norms in transformers, whatever the configuration has. */
  private static final double LATENT_EPSILON = 1e-6;

  private static final String SHARED = "n_shared_experts";

  private static final LayerTensors MIXTURE =
      LayerTensors.all(ExpertNames::routed, ExpertNames.optionalShared(SHARED));

  /** DeepSeek V2: experts chosen by a softmax. */
  public static final MappingSpec V2 =
      mixture("softmax", MIXTURE, 1, 1, false)
          .off("norm_topk_prob")
          .check(config -> config.requireOneOf("topk_method", "greedy", "group_limited_greedy"))
          .keys(ExpertNames.SOFTMAX, LatentMapping::v2Counts);

  /** DeepSeek V3 and R1: experts chosen by sigmoids and a bias. */
  public static final MappingSpec V3 = sigmoid(1);

  /** GLM-4.7-Flash. */
  public static final MappingSpec GLM_FLASH = V3.rmsEpsilon(1e-5).keys(latentEpsilon(1e-5));

  /** A.X K1. */
  public static final MappingSpec AXK1 =
      sigmoid(2.5)
          .and(
              tensor("post_mlp_layernorm.weight", "post_ffw_norm.weight")
                  .when((config, l) -> l >= ExpertNames.dense(config, 1)));

  /** Mistral 4; its configurations have the part of a head that turns. */
  public static final MappingSpec MISTRAL_4 =
      mixture("softmax", LatentMapping::mistral4Mixture, 0, 1, true)
          .rope(config -> Rope.of(config, 1).whole())
          // Groups are ranked by the sum of two softmaxes, which the format does not say.
          .keys(ExpertNames.SOFTMAX, ExpertNames::counts, LatentMapping::temperature);

  /** Youtu, with only dense blocks. */
  public static final MappingSpec YOUTU =
      deepseek("softmax")
          .and(LlamaNames::gatedFfn)
          .keys(
              CommonKeys.size("num_hidden_layers", "leading_dense_block_count"),
              ExpertNames.width("intermediate_size"),
              ExpertNames.sharedCount(SHARED, 0, 0));

  /** MiniCPM3: scale constants, LongRoPE. */
  public static final MappingSpec MINICPM_3 =
      MappingSpec.of(
              LlamaNames::norms,
              LatentMapping::projections,
              linear("self_attn.kv_b_proj", "attn_kv_b"),
              LlamaNames::output,
              LlamaNames::gatedFfn)
          .rmsEpsilon(1e-5)
          .headWidth(LatentMapping::turning)
          .ropeKeys(Rope::putLong)
          .keys(LatentMapping::miniCpm3);

  private LatentMapping() {}

  private static MappingSpec deepseek(String score) {
    return MappingSpec.of(
            LlamaNames::norms,
            LatentMapping::projections,
            LatentMapping::splitHeads,
            LlamaNames::output)
        .attributes(Map.of(SHARED, List.of(SHARED, "num_shared_experts")))
        .check(config -> config.requireOneOf("scoring_func", score))
        .check(config -> config.requireNumber("moe_layer_freq", 1))
        .on("rope_interleave")
        .headWidth(LatentMapping::turning)
        .ropeKeys((rope, config, out, turning) -> rope.put(out, turning, true, true))
        .keys(LatentMapping::latentDimensions, latentEpsilon(1e-6))
        .tensors(LlamaNames::ignoreDraftBlocks);
  }

  /**
   * Returns the mapping of dense layers, then experts.
   *
   * @param dense number of dense layers unless the configuration has it
   * @param scale factor of weights unless the configuration has it
   * @param normalized whether weights add up to 1 unless the configuration says otherwise
   */
  private static MappingSpec mixture(
      String score, LayerTensors experts, int dense, double scale, boolean normalized) {
    return deepseek(score)
        .and(experts.afterDense(config -> ExpertNames.dense(config, dense)))
        .keys(
            ExpertNames.MOE_WIDTH,
            ExpertNames.sharedCount(SHARED, 0, 0),
            ExpertNames.leadingDense(config -> ExpertNames.dense(config, dense)),
            ExpertNames.scale("routed_scaling_factor", scale),
            ExpertNames.normalized(normalized));
  }

  private static MappingSpec sigmoid(double scale) {
    LayerTensors bias = tensor("mlp.gate.e_score_correction_bias", "exp_probs_b.bias");
    return mixture("sigmoid", LayerTensors.all(MIXTURE, bias), 1, scale, true)
        .check(config -> config.requireOneOf("topk_method", "noaux_tc"))
        .keys(ExpertNames.SIGMOID, ExpertNames::groupedCounts);
  }

  private static int turning(Config config) {
    return config.size("qk_rope_head_dim");
  }

  private static int still(Config config) {
    return config.size("qk_nope_head_dim");
  }

  /** Adds lengths as in llama.cpp, where attention is over latent vectors. */
  private static void latentDimensions(Config config, MetadataBuilder out) {
    int rank = config.size("kv_lora_rank");
    out.integer("attention.head_count_kv", 1)
        .integer("attention.kv_lora_rank", rank)
        .integer("attention.key_length", rank + turning(config))
        .integer("attention.value_length", rank)
        .integer("attention.key_length_mla", still(config) + turning(config))
        .integer("attention.value_length_mla", config.size("v_head_dim"));
    CommonKeys.optionalSize("q_lora_rank", "attention.q_lora_rank").put(config, out);
  }

  private static KeyRule latentEpsilon(double usual) {
    return (config, out) -> {
      if (config.real("rms_norm_eps", usual) != LATENT_EPSILON) {
        out.real("attention.latent_norm_rms_epsilon", LATENT_EPSILON);
      }
    };
  }

  private static void v2Counts(Config config, MetadataBuilder out) {
    boolean isGreedy = config.string("topk_method", "greedy").equals("greedy");
    ExpertNames.counts(config, out, isGreedy);
  }

  private static void temperature(Config config, MetadataBuilder out) {
    Rope rope = Rope.of(config, 1);
    String key = "llama_4_scaling_beta";
    if (rope.scaling().has(key)) {
      out.real("attention.temperature_scale", rope.scaling().real(key))
          .integer("attention.temperature_length", rope.original());
    }
  }

  private static void miniCpm3(Config config, MetadataBuilder out) {
    int heads = config.size("num_attention_heads");
    int d = config.size("hidden_size");
    double depth = Math.sqrt(config.size("num_hidden_layers"));
    out.integer("attention.head_count_kv", heads)
        .integer("attention.q_lora_rank", config.size("q_lora_rank"))
        .integer("attention.kv_lora_rank", config.size("kv_lora_rank"))
        .integer("attention.key_length", still(config) + turning(config))
        .integer("attention.value_length", config.size("v_head_dim", d / heads))
        .real("attention.latent_norm_rms_epsilon", LATENT_EPSILON)
        .real("embedding_scale", config.real("scale_emb", 12))
        .real("residual_scale", config.real("scale_depth", 1.4) / depth)
        .real("logit_scale", d / config.real("dim_model_base", 256));
  }

  /** Takes the projections to latent vectors, and from that of queries. */
  private static void projections(Config config, TensorMap layer, int index) {
    String from = "self_attn.";
    if (config.has("q_lora_rank")) {
      layer.takeLinear(from + "q_a_proj", "attn_q_a");
      layer.takeLinear(from + "q_a_layernorm", "attn_q_a_norm");
      layer.takeLinear(from + "q_b_proj", "attn_q_b");
    } else {
      layer.takeLinear(from + "q_proj", "attn_q");
    }
    layer.takeLinear(from + "kv_a_proj_with_mqa", "attn_kv_a_mqa");
    layer.takeLinear(from + "kv_a_layernorm", "attn_kv_a_norm");
  }

  /** Takes the projection to keys and values. */
  private static void splitHeads(Config config, TensorMap layer, int index) {
    String from = "self_attn.kv_b_proj.weight";
    int heads = config.size("num_attention_heads");
    layer.take(from, "attn_k_b.weight", Layout.firstOfHeads(heads, still(config)));
    layer.take(from, "attn_v_b.weight", Layout.restOfHeads(heads, still(config)));
  }

  /** Takes experts; gate and up may be one matrix, which other programs read as it is. */
  private static void mistral4Mixture(Config config, TensorMap layer, int index) {
    if (layer.has("mlp.experts.gate_up_proj")) {
      layer.take("mlp.gate.weight", "ffn_gate_inp.weight");
      ExpertNames.fused(layer, "mlp.experts.");
      ExpertNames.optionalShared(SHARED).take(config, layer, index);
    } else {
      MIXTURE.take(config, layer, index);
    }
  }
}
