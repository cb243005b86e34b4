package dev.vidrio.model.huggingface.mapping;

import static dev.vidrio.model.huggingface.mapping.LayerTensors.tensor;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import java.util.function.IntPredicate;

/** Llama 4: expert matrices inputs by outputs, gate and up side by side. */
public final class Llama4Mapping {
  private static final int LAYERS_PER_FULL = 4;

  /** Experts of Maverick, which does not normalize queries and keys. */
  public static final int EXPERTS_WITHOUT_NORM = 128;

  private static final LayerTensors MIXTURE =
      LayerTensors.all(
          tensor("feed_forward.router.weight", "ffn_gate_inp.weight"),
          ExpertNames.transposed(
              "feed_forward.experts.gate_up_proj", "feed_forward.experts.down_proj"),
          ExpertNames.gated("feed_forward.shared_expert.", "_shexp"));

  /** The mapping. */
  public static final MappingSpec SPEC =
      MappingSpec.of(
              LlamaNames::norms,
              LlamaNames::attention,
              MIXTURE.or(
                  (config, l) -> (l + 1) % step(config) == 0,
                  ExpertNames.gated("feed_forward.", "")))
          .check(config -> config.requireNumber("num_experts_per_tok", 1))
          .requireRopeBase()
          .rmsEpsilon(1e-5)
          .keys(
              // The width of dense blocks has another key here, and that of experts its.
              CommonKeys.size("intermediate_size_mlp", "feed_forward_length"),
              ExpertNames.width("intermediate_size"),
              Llama4Mapping::experts,
              Llama4Mapping::attention)
          .tied(false);

  private Llama4Mapping() {}

  private static void experts(Config config, MetadataBuilder out) {
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
    out.integer("expert_count", experts)
        .integer("expert_used_count", 1)
        .integer("interleave_moe_layer_step", step(config));
  }

  /**
   * Adds the keys of attention; the format has no key for layers without RoPE, which must be each
   * fourth.
   */
  private static void attention(Config config, MetadataBuilder out) {
    config.requireNumber("no_rope_layer_interval", LAYERS_PER_FULL);
    IntPredicate local = l -> (l + 1) % LAYERS_PER_FULL != 0;
    config.requirePerLayer(
        "no_rope_layers", l -> local.test(l) ? 1 : 0, "each fourth layer does not rotate");
    config.requirePerLayer(
        "layer_types",
        l -> local.test(l) ? "chunked_attention" : "full_attention",
        "each fourth layer has full attention");
    boolean grows = config.bool("attn_temperature_tuning", true);
    out.integer("attention.sliding_window", config.size("attention_chunk_size"))
        .integer("attention.temperature_length", config.size("floor_scale", 8192))
        .real("attention.temperature_scale", grows ? config.real("attn_scale", 0.1) : 0);
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
}
