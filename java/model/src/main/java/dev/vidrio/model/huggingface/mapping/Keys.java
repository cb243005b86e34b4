package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;

/** The keys that most architectures share, from the spellings that most configs share. */
final class Keys {

  private Keys() {}

  /** Puts the sizes of a model whose config spells them as Llama's does. */
  static void sizes(Config config, MetadataBuilder out, String architecture) {
    sizesOfMixtures(config, out, architecture);
    out.integer(architecture + ".feed_forward_length", config.size("intermediate_size"));
  }

  /** Puts the same of a model without dense layers, whose width some configs leave out. */
  static void sizesOfMixtures(Config config, MetadataBuilder out, String architecture) {
    String prefix = architecture + ".";
    int heads = config.size("num_attention_heads");
    out.integer(prefix + "context_length", config.size("max_position_embeddings"))
        .integer(prefix + "embedding_length", config.size("hidden_size"))
        .integer(prefix + "block_count", layers(config))
        .integer(prefix + "attention.head_count", heads)
        .integer(prefix + "attention.head_count_kv", config.size("num_key_value_heads", heads));
    if (config.has("head_dim")) {
      out.integer(prefix + "attention.key_length", config.size("head_dim"))
          .integer(prefix + "attention.value_length", config.size("head_dim"));
    }
    if (config.has("vocab_size")) {
      out.integer(prefix + "vocab_size", config.size("vocab_size"));
    }
  }

  /** L. */
  static int layers(Config config) {
    return config.size(config.firstOf("num_hidden_layers", "num_layers"));
  }

  /** Puts the epsilon of RMSNorm. */
  static void rmsEpsilon(Config config, MetadataBuilder out, String architecture) {
    rmsEpsilon(config, out, architecture, 1e-6);
  }

  /**
   * Puts the epsilon of RMSNorm.
   *
   * @param usual what transformers takes where the config says nothing
   */
  static void rmsEpsilon(Config config, MetadataBuilder out, String architecture, double usual) {
    out.real(
        architecture + ".attention.layer_norm_rms_epsilon", config.real("rms_norm_eps", usual));
  }

  /** Puts the epsilon of LayerNorm. */
  static void layerNormEpsilon(
      Config config, MetadataBuilder out, String architecture, String key) {
    out.real(architecture + ".attention.layer_norm_epsilon", config.real(key, 1e-5));
  }

  /** d_h: the config's own, or the width shared out to the heads. */
  static int headWidth(Config config) {
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
