package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;

/** The keys that most architectures share, from the spellings that most configs share. */
public final class CommonKeys {

  private CommonKeys() {}

  /** Puts the sizes of a model whose config spells them as Llama's does. */
  public static void dimensions(Config config, MetadataBuilder out) {
    dimensionsWithoutFfn(config, out);
    out.integer("feed_forward_length", config.size("intermediate_size"));
  }

  /** Puts the same of a model without dense layers, whose width some configs leave out. */
  public static void dimensionsWithoutFfn(Config config, MetadataBuilder out) {
    int heads = config.size("num_attention_heads");
    out.integer("context_length", config.size("max_position_embeddings"))
        .integer("embedding_length", config.size("hidden_size"))
        .integer("block_count", layers(config))
        .integer("attention.head_count", heads)
        .integer("attention.head_count_kv", config.size("num_key_value_heads", heads));
    if (config.has("head_dim")) {
      out.integer("attention.key_length", config.size("head_dim"))
          .integer("attention.value_length", config.size("head_dim"));
    }
    if (config.has("vocab_size")) {
      out.integer("vocab_size", config.size("vocab_size"));
    }
  }

  /** L. */
  public static int layers(Config config) {
    return config.size(config.firstOf("num_hidden_layers", "num_layers"));
  }

  /**
   * Puts the epsilon of RMSNorm.
   *
   * @param usual what transformers takes where the config says nothing
   */
  public static void rmsEpsilon(Config config, MetadataBuilder out, double usual) {
    out.real("attention.layer_norm_rms_epsilon", config.real("rms_norm_eps", usual));
  }

  /** Puts the epsilon of LayerNorm. */
  public static void layerNormEpsilon(Config config, MetadataBuilder out, String... names) {
    out.real("attention.layer_norm_epsilon", config.real(config.firstOf(names), 1e-5));
  }

  /** Returns a rule that copies a size if the configuration has it. */
  public static MappingSpec.KeyRule size(String from, String to) {
    return (config, out) -> {
      if (config.has(from)) {
        out.integer(to, config.size(from));
      }
    };
  }

  /** Returns a rule that copies a number if the configuration has it. */
  public static MappingSpec.KeyRule real(String from, String to) {
    return (config, out) -> {
      if (config.has(from)) {
        out.real(to, config.real(from));
      }
    };
  }

  /** d_h: the config's own, or the width shared out to the heads. */
  public static int headWidth(Config config) {
    int dH = config.has("head_dim") ? config.size("head_dim") : shareOfHead(config);
    if (dH % 2 != 0) {
      throw config.error("head_dim", Integer.toString(dH), "must be even");
    }
    return dH;
  }

  private static int shareOfHead(Config config) {
    int heads = config.size("num_attention_heads");
    int d = config.size("hidden_size");
    if (d % heads != 0) {
      throw config.error(
          "num_attention_heads", Integer.toString(heads), "must divide hidden_size " + d);
    }
    return d / heads;
  }
}
