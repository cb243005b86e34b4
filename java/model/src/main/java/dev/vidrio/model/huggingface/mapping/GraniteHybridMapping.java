package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import java.util.stream.IntStream;

/** Granite 4: Mamba 2 in most layers or in none, with experts or without. */
public final class GraniteHybridMapping {
  private static final String EXPERTS = "num_local_experts";
  private static final String POSITIONS = "position_embedding_type";

  /** Models with Mamba 2 in some layers. */
  public static final MappingSpec WITH_MAMBA =
      MappingSpec.of(
              LlamaNames::norms,
              LayerTensors.all(LlamaNames::interleavedAttention)
                  .or(
                      GraniteHybridMapping::attends,
                      (config, layer, l) -> mamba(config).tensors(layer.in("mamba.", ""))),
              LayerTensors.all(GraniteNames::experts)
                  .or(
                      (config, l) -> hasExperts(config),
                      (config, layer, l) -> GraniteNames.dense(layer, "")))
          .off("attention_bias")
          .check(config -> config.requireOneOf(POSITIONS, "rope", "nope"))
          .dimensions(CommonKeys::dimensionsWithoutFfn)
          .rope(config -> rotates(config) ? Rope.of(config) : null)
          .keys(GraniteNames::scales, GraniteHybridMapping::keys)
          .withoutAdapters();

  /** Models with attention in all layers, which are Granite 3's architectures. */
  public static final MappingSpec WITHOUT_MAMBA =
      WITH_MAMBA.check(
          config -> {
            if (!rotates(config)) {
              throw config.unsupported(POSITIONS, "", "without Mamba 2 it must be rope");
            }
          });

  private GraniteHybridMapping() {}

  /** Returns whether some layers have Mamba 2. */
  public static boolean isHybrid(Config config) {
    return !IntStream.range(0, config.size("num_hidden_layers")).allMatch(l -> attends(config, l));
  }

  /** Returns whether layers have experts. */
  public static boolean hasExperts(Config config) {
    return config.integer(EXPERTS, 0, Config.MAX_SIZE) > 0;
  }

  private static boolean attends(Config config, int layer) {
    return config
        .perLayer("layer_types", "mamba", "linear_attention", "attention", "full_attention")
        .get(layer)
        .matches("(full_)?attention");
  }

  private static boolean rotates(Config config) {
    return config.string(POSITIONS, "nope").equals("rope");
  }

  private static Mamba2Names mamba(Config config) {
    return Mamba2Names.ofWidth(
        config, Math.multiplyExact(config.size("mamba_expand"), config.size("hidden_size")));
  }

  private static void keys(Config config, MetadataBuilder out) {
    String shared = "shared_intermediate_size";
    int most = Config.MAX_SIZE;
    CommonKeys.kvHeads(config, out, l -> attends(config, l));
    mamba(config).keys(config, out);
    out.bool("rope.scaling.finetuned", rotates(config))
        .integer(
            "feed_forward_length", config.size(hasExperts(config) ? "intermediate_size" : shared))
        .integer("expert_count", config.integer(EXPERTS, 0, most))
        .integer("expert_used_count", config.integer("num_experts_per_tok", 0, most))
        .integer("expert_shared_feed_forward_length", config.integer(shared, 0, most));
  }
}
