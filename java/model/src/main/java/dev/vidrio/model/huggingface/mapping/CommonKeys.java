package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import java.util.function.IntPredicate;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;

/** Keys that most architectures share, with their usual names in configurations. */
public final class CommonKeys {

  private CommonKeys() {}

  /** Adds the dimensions of a model. */
  public static void dimensions(Config config, MetadataBuilder out) {
    dimensions(own -> own.size("intermediate_size")).put(config, out);
  }

  /**
   * Returns a rule that adds the dimensions of a model.
   *
   * @param ffnWidth reads the width of dense blocks
   */
  public static MappingSpec.KeyRule dimensions(ToIntFunction<Config> ffnWidth) {
    return (config, out) -> {
      dimensionsWithoutFfn(config, out);
      out.integer("feed_forward_length", ffnWidth.applyAsInt(config));
    };
  }

  /** Adds the dimensions without the width of dense blocks, which some configurations lack. */
  public static void dimensionsWithoutFfn(Config config, MetadataBuilder out) {
    out.integer("context_length", config.size("max_position_embeddings"))
        .integer("embedding_length", config.size("hidden_size"))
        .integer("block_count", config.size("num_hidden_layers"))
        .integer("attention.head_count", config.size("num_attention_heads"))
        .integer("attention.head_count_kv", kvHeads(config));
    if (config.has("head_dim")) {
      out.integer("attention.key_length", config.size("head_dim"))
          .integer("attention.value_length", config.size("head_dim"));
    }
    if (config.has("vocab_size")) {
      out.integer("vocab_size", config.size("vocab_size"));
    }
  }

  /** Returns H_kv. */
  public static int kvHeads(Config config) {
    return config.size("num_key_value_heads", config.size("num_attention_heads"));
  }

  /** Adds key-value heads in the layers with attention, and none in the others. */
  public static void kvHeads(Config config, MetadataBuilder out, IntPredicate attends) {
    int kvHeads = kvHeads(config);
    out.integers(
        "attention.head_count_kv",
        IntStream.range(0, config.size("num_hidden_layers"))
            .map(l -> attends.test(l) ? kvHeads : 0)
            .toArray());
  }

  /**
   * Adds the epsilon of RMSNorm.
   *
   * @param usual default of transformers
   */
  public static void rmsEpsilon(Config config, MetadataBuilder out, double usual) {
    out.real("attention.layer_norm_rms_epsilon", config.real("rms_norm_eps", usual));
  }

  /** Adds the epsilon of LayerNorm, under the first existing name. */
  public static void layerNormEpsilon(Config config, MetadataBuilder out, String... names) {
    out.real("attention.layer_norm_epsilon", config.real(config.firstOf(names), 1e-5));
  }

  /** Returns a rule that copies a size. */
  public static MappingSpec.KeyRule size(String from, String to) {
    return (config, out) -> out.integer(to, config.size(from));
  }

  /** Returns a rule that copies a size if the configuration has it. */
  public static MappingSpec.KeyRule optionalSize(String from, String to) {
    return (config, out) -> {
      if (config.has(from)) {
        out.integer(to, config.size(from));
      }
    };
  }

  /** Returns a rule that copies a number if the configuration has it. */
  public static MappingSpec.KeyRule optionalReal(String from, String to) {
    return (config, out) -> {
      if (config.has(from)) {
        out.real(to, config.real(from));
      }
    };
  }

  /** Returns a rule that copies a number, by default the given one. */
  public static MappingSpec.KeyRule real(String from, String to, double usual) {
    return (config, out) -> out.real(to, config.real(from, usual));
  }

  /** Returns d_h, by default the width divided by the number of heads. */
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
