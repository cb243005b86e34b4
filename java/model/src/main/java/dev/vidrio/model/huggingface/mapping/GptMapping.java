package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * GPT-2 and its kin: GPT-2 itself, whose checkpoints hold matrices as inputs × outputs; StarCoder,
 * whose queries share one key and one value; GPT-Neo, whose layers are local or global; GPT-J, with
 * one LayerNorm a block and rotary pairs that are adjacent already.
 */
final class GptMapping implements Mapping {
  private static final String KINDS = "attention_layers";

  private final String architecture;
  private final boolean isFused;
  private final boolean turns;

  /**
   * @param architecture {@code gpt2}, {@code starcoder}, {@code gpt_neo} or {@code gptj}
   */
  GptMapping(String architecture) {
    this.architecture = architecture;
    this.isFused = architecture.equals("gpt2") || architecture.equals("starcoder");
    this.turns = architecture.equals("gptj");
  }

  @Override
  public String architecture() {
    return architecture;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("activation_function", "gelu_new", "gelu_pytorch_tanh");
    String prefix = architecture + ".";
    int d = config.size(config.firstOf("n_embd", "hidden_size"));
    String context = config.firstOf("n_positions", "n_ctx", "max_position_embeddings");
    String width = architecture.equals("gpt_neo") ? "intermediate_size" : "n_inner";
    out.integer(prefix + "context_length", config.size(context))
        .integer(prefix + "embedding_length", d)
        .integer(prefix + "block_count", layers(config))
        .integer(prefix + "feed_forward_length", config.size(width, 4 * d))
        .integer(
            prefix + "attention.head_count", config.size(config.firstOf("n_head", "num_heads")));
    Keys.layerNormEpsilon(config, out, architecture, "layer_norm_epsilon");
    if (isFused) {
      config.requireOff("scale_attn_by_inverse_layer_idx");
      config.require(
          "scale_attn_weights", value -> value.asBoolean(false), "attention scores are scaled");
    }
    switch (architecture) {
      case "starcoder" -> {
        config.require("multi_query", value -> value.asBoolean(false), "it must be true");
        out.integer("starcoder.attention.head_count_kv", 1);
      }
      case "gpt_neo" ->
          out.integer("gpt_neo.attention.sliding_window", config.size("window_size", 256))
              .bools("gpt_neo.attention.sliding_window_pattern", local(config));
      case "gptj" -> out.integer("gptj.rope.dimension_count", config.size("rotary_dim"));
      default -> {}
    }
  }

  private static int layers(Config config) {
    return config.size(config.firstOf("n_layer", "num_layers"));
  }

  private static List<Boolean> local(Config config) {
    List<Boolean> local = new ArrayList<>();
    for (String kind : config.strings(KINDS)) {
      switch (kind) {
        case "local" -> local.add(true);
        case "global" -> local.add(false);
        default -> throw config.unsupported(KINDS, kind, "supported: local, global");
      }
    }
    if (local.size() != layers(config)) {
      throw config.error(KINDS, local.size() + " kinds", "must be " + layers(config));
    }
    return local;
  }

  /** Checkpoints of the bare model leave out the prefix {@code transformer.}. */
  @Override
  public void tensors(Config config, TensorMap map) {
    String root = map.has("wte.weight") ? "" : "transformer.";
    map.take(root + "wte.weight", "token_embd.weight");
    if (!turns) {
      map.take(root + "wpe.weight", "position_embd.weight");
    }
    map.takeLinear(root + "ln_f", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", !turns);
    for (int l = 0; l < layers(config); l++) {
      layer(map, root + "h." + l + ".", LlamaNames.to(l));
    }
  }

  private void layer(TensorMap map, String from, String to) {
    BiConsumer<String, String> matrix =
        architecture.equals("gpt2") ? map::takeTransposed : map::takeLinear;
    String attention = from + (architecture.equals("gpt_neo") ? "attn.attention." : "attn.");
    map.takeLinear(from + "ln_1", to + "attn_norm");
    if (isFused) {
      matrix.accept(attention + "c_attn", to + "attn_qkv");
    } else {
      for (String part : List.of("q", "k", "v")) {
        map.takeLinear(attention + part + "_proj", to + "attn_" + part);
      }
    }
    matrix.accept(attention + (isFused ? "c_proj" : "out_proj"), to + "attn_output");
    if (!turns) {
      map.takeLinear(from + "ln_2", to + "ffn_norm");
    }
    matrix.accept(from + (turns ? "mlp.fc_in" : "mlp.c_fc"), to + "ffn_up");
    matrix.accept(from + (turns ? "mlp.fc_out" : "mlp.c_proj"), to + "ffn_down");
    map.ignore(attention + "bias"); // the causal mask
    map.ignore(attention + "masked_bias");
  }
}
