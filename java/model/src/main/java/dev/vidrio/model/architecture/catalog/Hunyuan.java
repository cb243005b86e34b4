package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.architecture.decoder.AttentionSpec;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.mapping.CommonKeys;
import dev.vidrio.model.huggingface.mapping.ExpertNames;
import dev.vidrio.model.huggingface.mapping.LayerTensors;
import dev.vidrio.model.huggingface.mapping.LlamaNames;
import dev.vidrio.model.huggingface.mapping.MappingSpec;
import dev.vidrio.model.huggingface.mapping.Rope;
import java.util.Arrays;

/** The parts that the dense Hunyuan models and those with experts share. */
final class Hunyuan {
  private static final String USED = "moe_topk";

  /** All but feed-forward blocks and {@link #HEAD_NORMS}. */
  static final MappingSpec MAPPING =
      MappingSpec.of(LlamaNames::norms, LlamaNames::attention)
          .rmsEpsilon(1e-5)
          .rope(Hunyuan::longContextRope);

  private Hunyuan() {}

  /** Returns attention with queries and keys normalized after RoPE. */
  static AttentionSpec attention(Rotation.Pairs pairs) {
    return rope(pairs).queryKeyNorm(QueryKeyNorm.PER_HEAD_AFTER_ROPE);
  }

  /** Returns RoPE; scaling of type {@code dynamic} multiplies the base by α^(d/(d − 2)). */
  private static Rope longContextRope(Config config) {
    Rope rope = Rope.of(config);
    if (!rope.type().equals("dynamic")) {
      return rope;
    }
    double alpha = rope.scaling().real("alpha");
    if (!(alpha > 0)) {
      throw rope.scaling().error("alpha", Double.toString(alpha), "must be positive");
    }
    double d = CommonKeys.headWidth(config);
    return rope.based(rope.base() * StrictMath.pow(alpha, d / (d - 2)));
  }

  /** The norms of queries and keys. */
  static final LayerTensors HEAD_NORMS =
      LayerTensors.all(
          LayerTensors.tensor("self_attn.query_layernorm.weight", "attn_q_norm.weight"),
          LayerTensors.tensor("self_attn.key_layernorm.weight", "attn_k_norm.weight"));

  /** Adds the keys of experts; values that configurations have per layer must be equal. */
  static void experts(Config config, MetadataBuilder out) {
    int width = config.size("intermediate_size");
    requireInAllLayers(config, "moe_intermediate_size", width);
    requireInAllLayers(config, "num_shared_expert", 1);
    int used = used(config);
    requireInAllLayers(config, USED, used);
    out.integer("expert_count", config.size(ExpertNames.count(config)))
        .integer("expert_used_count", used)
        .integer("expert_feed_forward_length", width)
        .integer("expert_shared_count", 1)
        .integer("expert_shared_feed_forward_length", width);
  }

  private static int used(Config config) {
    return config.isArray(USED)
        ? Arrays.stream(config.integers(USED)).findFirst().orElse(0)
        : config.size(USED);
  }

  private static void requireInAllLayers(Config config, String key, int number) {
    config.require(
        key,
        value ->
            value.isArray()
                ? value.valueStream().allMatch(element -> element.asInt(-1) == number)
                : value.asInt(-1) == number,
        "must be " + number + " in all layers");
  }
}
