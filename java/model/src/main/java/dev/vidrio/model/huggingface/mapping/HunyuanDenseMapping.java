package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** Hunyuan, dense: norms of queries and keys, and a base that makes long contexts. */
final class HunyuanDenseMapping implements Mapping {

  @Override
  public String architecture() {
    return "hunyuan-dense";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, "hunyuan-dense");
    Keys.rmsEpsilon(config, out, "hunyuan-dense", 1e-5);
    rope(config).put(out, "hunyuan-dense", Keys.headWidth(config));
  }

  /** Their {@code dynamic} scaling is another base, α^(d/(d − 2)) times as large. */
  private static Rope rope(Config config) {
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
  public void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    rope(config).addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      LlamaNames.norms(map, l);
      LlamaNames.attention(map, l);
      LlamaNames.gatedFfn(map, l);
      map.take(from + "self_attn.query_layernorm.weight", to + "attn_q_norm.weight");
      map.take(from + "self_attn.key_layernorm.weight", to + "attn_k_norm.weight");
    }
  }
}
