package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/** GPT-2 and models of its shape ({@link Variant}). */
public final class GptMapping implements Mapping {
  private static final String KINDS = "attention_layers";

  /** Models of GPT's shape. */
  public enum Variant {
    /** GPT-2, whose checkpoints hold matrices as inputs by outputs. */
    GPT2,
    /** StarCoder, with one key-value head. */
    STARCODER,
    /** GPT-Neo, with local and global layers. */
    GPT_NEO,
    /** GPT-J, with one LayerNorm per layer and RoPE on adjacent pairs. */
    GPT_J
  }

  private final Variant variant;
  private final boolean isFused;
  private final boolean isGptJ;

  /** Makes the mapping of a variant. */
  public GptMapping(Variant variant) {
    this.variant = variant;
    this.isFused = variant == Variant.GPT2 || variant == Variant.STARCODER;
    this.isGptJ = variant == Variant.GPT_J;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("activation_function", "gelu_new", "gelu_pytorch_tanh");
    int d = config.size(config.firstOf("n_embd", "hidden_size"));
    String context = config.firstOf("n_positions", "n_ctx", "max_position_embeddings");
    String width = variant == Variant.GPT_NEO ? "intermediate_size" : "n_inner";
    out.integer("context_length", config.size(context))
        .integer("embedding_length", d)
        .integer("block_count", layers(config))
        .integer("feed_forward_length", config.size(width, 4 * d))
        .integer("attention.head_count", config.size(config.firstOf("n_head", "num_heads")));
    CommonKeys.layerNormEpsilon(config, out, "layer_norm_epsilon");
    if (isFused) {
      config.requireOff("scale_attn_by_inverse_layer_idx");
      config.requireOn("scale_attn_weights");
    }
    switch (variant) {
      case STARCODER -> {
        config.requireOn("multi_query");
        out.integer("attention.head_count_kv", 1);
      }
      case GPT_NEO ->
          out.integer("attention.sliding_window", config.size("window_size", 256))
              .bools("attention.sliding_window_pattern", local(config));
      case GPT_J -> out.integer("rope.dimension_count", config.size("rotary_dim"));
      case GPT2 -> {}
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

  /** Takes the tensors; checkpoints of the base model lack the prefix {@code transformer.}. */
  @Override
  public void tensors(Config config, TensorMap map) {
    String root = map.has("wte.weight") ? "" : "transformer.";
    map.take(root + "wte.weight", "token_embd.weight");
    if (!isGptJ) {
      map.take(root + "wpe.weight", "position_embd.weight");
    }
    map.takeLinear(root + "ln_f", "output_norm");
    LlamaNames.unembedding(map, config, "lm_head", !isGptJ);
    for (int l = 0; l < layers(config); l++) {
      layer(map, root + "h." + l + ".", LlamaNames.to(l));
    }
  }

  private void layer(TensorMap map, String from, String to) {
    BiConsumer<String, String> matrix =
        variant == Variant.GPT2 ? map::takeTransposed : map::takeLinear;
    String attention = from + (variant == Variant.GPT_NEO ? "attn.attention." : "attn.");
    map.takeLinear(from + "ln_1", to + "attn_norm");
    if (isFused) {
      matrix.accept(attention + "c_attn", to + "attn_qkv");
    } else {
      for (String part : List.of("q", "k", "v")) {
        map.takeLinear(attention + part + "_proj", to + "attn_" + part);
      }
    }
    matrix.accept(attention + (isFused ? "c_proj" : "out_proj"), to + "attn_output");
    if (!isGptJ) {
      map.takeLinear(from + "ln_2", to + "ffn_norm");
    }
    matrix.accept(from + (isGptJ ? "mlp.fc_in" : "mlp.c_fc"), to + "ffn_up");
    matrix.accept(from + (isGptJ ? "mlp.fc_out" : "mlp.c_proj"), to + "ffn_down");
    map.ignore(attention + "bias"); // the causal mask
    map.ignore(attention + "masked_bias");
  }
}
