package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * gpt-oss. Its experts are stacked matrices [E, K, N], or such of 4 bits [E, N, K]; the columns of
 * gate and up lie in one of them, in turn.
 */
final class GptOssMapping implements LayerMapping {
  private static final int PERIOD = 2;

  @Override
  public String architecture() {
    return "gpt-oss";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.require("swiglu_limit", value -> value.asDouble(0) == 7, "it must be 7");
    Keys.sizes(config, out, "gpt-oss");
    Keys.rmsEpsilon(config, out, "gpt-oss", 1e-5);
    Rope.of(config).put(out, "gpt-oss", Keys.headWidth(config), false);
    SlidingWindow.put(config, out, "gpt-oss", PERIOD);
    ExpertNames.counts(config, out, "gpt-oss");
    out.integer("gpt-oss.expert_feed_forward_length", config.size("intermediate_size"));
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    String from = LlamaNames.from(l);
    String to = LlamaNames.to(l);
    map.take(from + "input_layernorm.weight", to + "attn_norm.weight");
    map.take(from + "post_attention_layernorm.weight", to + "post_attention_norm.weight");
    LlamaNames.attention(map, l);
    map.take(from + "self_attn.sinks", to + "attn_sinks.weight");
    map.takeLinear(from + "mlp.router", to + "ffn_gate_inp");
    experts(map, from + "mlp.experts.gate_up_proj", to + "ffn_gate_exps", 0, 2);
    experts(map, from + "mlp.experts.gate_up_proj", to + "ffn_up_exps", 1, 2);
    experts(map, from + "mlp.experts.down_proj", to + "ffn_down_exps", 0, 1);
  }

  /** Takes each {@code step}-th column of all experts' matrices, and of their biases. */
  private static void experts(TensorMap map, String from, String to, int first, int step) {
    if (map.has(from + "_blocks")) {
      map.takeMxfp4(from, to + ".weight", first, step);
    } else {
      map.takeColumns(from, to + ".weight", first, step);
    }
    map.takeElements(from + "_bias", to + ".bias", first, step);
  }
}
