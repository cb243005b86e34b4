package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.Arrays;

/**
 * Hunyuan, dense or with experts: norms of queries and keys, and a base that makes long contexts.
 */
final class HunyuanMapping implements LayerMapping {
  private static final String USED = "moe_topk";

  private final String architecture;
  private final boolean isMixture;

  /**
   * @param architecture {@code hunyuan-dense} or {@code hunyuan-moe}
   */
  HunyuanMapping(String architecture) {
    this.architecture = architecture;
    this.isMixture = architecture.endsWith("moe");
  }

  @Override
  public String architecture() {
    return architecture;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, architecture);
    Keys.rmsEpsilon(config, out, architecture, 1e-5);
    rope(config).put(out, architecture, Keys.headWidth(config));
    if (isMixture) {
      experts(config, out);
    }
  }

  /** What configs say for each layer is the same in all. */
  private static void experts(Config config, MetadataBuilder out) {
    int width = config.size("intermediate_size");
    requireInEachLayer(config, "moe_intermediate_size", width);
    requireInEachLayer(config, "num_shared_expert", 1);
    int used = used(config);
    requireInEachLayer(config, USED, used);
    out.integer("hunyuan-moe.expert_count", config.size(ExpertNames.count(config)))
        .integer("hunyuan-moe.expert_used_count", used)
        .integer("hunyuan-moe.expert_feed_forward_length", width)
        .integer("hunyuan-moe.expert_shared_count", 1)
        .integer("hunyuan-moe.expert_shared_feed_forward_length", width);
  }

  private static int used(Config config) {
    return config.isArray(USED)
        ? Arrays.stream(config.integers(USED)).findFirst().orElse(0)
        : config.size(USED);
  }

  private static void requireInEachLayer(Config config, String key, int number) {
    config.require(
        key,
        value ->
            value.isArray()
                ? value.valueStream().allMatch(element -> element.asInt(-1) == number)
                : value.asInt(-1) == number,
        "it must be " + number + " in each layer");
  }

  /** Their {@code dynamic} scaling is another base, α^(d/(d − 2)) times as large. */
  @Override
  public Rope rope(Config config) {
    Rope rope = Rope.of(config);
    if (!rope.type().equals("dynamic")) {
      return rope;
    }
    double alpha = rope.scaling().real("alpha");
    if (!(alpha > 0)) {
      throw rope.scaling().error("alpha", Double.toString(alpha), "must be positive");
    }
    double d = Keys.headWidth(config);
    return rope.based(rope.base() * StrictMath.pow(alpha, d / (d - 2)));
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    String from = LlamaNames.from(l);
    String to = LlamaNames.to(l);
    LlamaNames.norms(map, l);
    LlamaNames.attention(map, l);
    if (isMixture) {
      map.take(from + "mlp.gate.wg.weight", to + "ffn_gate_inp.weight");
      ExpertNames.experts(config, map, l);
      ExpertNames.shared(map, "shared_mlp", l);
    } else {
      LlamaNames.gatedFfn(map, l);
    }
    map.take(from + "self_attn.query_layernorm.weight", to + "attn_q_norm.weight");
    map.take(from + "self_attn.key_layernorm.weight", to + "attn_k_norm.weight");
  }
}
