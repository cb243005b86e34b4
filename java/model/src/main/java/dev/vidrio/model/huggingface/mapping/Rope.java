package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The rotary position embedding of a config. Older files have {@code rope_theta} and {@code
 * rope_scaling}, newer ones {@code rope_parameters}, in which layers with a sliding window may have
 * parameters of their own.
 *
 * @param base of the frequencies
 * @param localBase of the layers with a sliding window, or null where it is the same
 * @param type {@code default}, {@code linear}, {@code llama3} …
 * @param scaling the object that holds the type's parameters
 * @param partial the share of a head that turns
 * @param original positions that the model knew before its rotation was scaled
 */
record Rope(
    double base,
    @Nullable Double localBase,
    String type,
    Config scaling,
    double partial,
    int original) {

  /** Names of the share of a head that turns. */
  private static final String[] PARTIAL = {"partial_rotary_factor", "rope_pct", "rotary_pct"};

  private static final Map<String, String> YARN_KEYS =
      Map.of(
          "extrapolation_factor", "yarn_ext_factor",
          "beta_fast", "yarn_beta_fast",
          "beta_slow", "yarn_beta_slow");

  /**
   * Reads it from a config, of a model whose heads turn whole: transformers passes a share over in
   * silence where the model's code knows none.
   */
  static Rope of(Config config) {
    Rope rope = of(config, 1);
    if (rope.partial != 1) {
      Config from = rope.scaling.has(PARTIAL[0]) ? rope.scaling : config;
      throw from.unsupported(
          from.firstOf(PARTIAL), Double.toString(rope.partial), "heads of this model turn whole");
    }
    return rope;
  }

  /**
   * Reads it from a config.
   *
   * @param usual the share of a head that turns where the config does not say so
   */
  static Rope of(Config config, double usual) {
    Config all = config.object(config.firstOf("rope_parameters", "rope_scaling"));
    Config local = all.object("sliding_attention");
    Config own = all.has("full_attention") ? all.object("full_attention") : all;
    String theta = config.firstOf("rope_theta", "rotary_emb_base");
    Double localBase = null;
    if (local.has("rope_theta")) {
      localBase = local.real("rope_theta");
    } else if (config.has("rope_local_base_freq")) {
      localBase = config.real("rope_local_base_freq");
    }
    String partial = config.firstOf(PARTIAL);
    return new Rope(
        own.real("rope_theta", config.real(theta, 10000)),
        localBase,
        type(own),
        own,
        own.real(PARTIAL[0], config.real(partial, usual)),
        own.size("original_max_position_embeddings", config.size("max_position_embeddings", 1)));
  }

  /** Some configs call YaRN by the name of DeepSeek's code. */
  private static String type(Config own) {
    String type = own.string(own.firstOf("rope_type", "type"), "default");
    return type.equals("deepseek_yarn") ? "yarn" : type;
  }

  /**
   * Refuses a config without a base, of a model whose classes in transformers take others then,
   * which differ between versions.
   */
  static void requireBase(Config config) {
    Config all = config.object(config.firstOf("rope_parameters", "rope_scaling"));
    if (!config.has("rope_theta") && !all.has("rope_theta")) {
      throw config.error("rope_theta", "", "is missing");
    }
  }

  /** The same without scaling, for another base. */
  Rope based(double newBase) {
    return based(newBase, "default");
  }

  /** The same for another base, scaled by another type. */
  Rope based(double newBase, String newType) {
    return new Rope(newBase, localBase, newType, scaling, partial, original);
  }

  /** The same for text: places in a picture have several positions (arXiv 2409.12191), its one. */
  Rope ofText() {
    return type.equals("mrope") ? based(base) : this;
  }

  /** The same in contexts that the model was made for, which dynamic scaling leaves alone. */
  Rope ofUsualContext() {
    return type.equals("dynamic") ? based(base) : this;
  }

  /** The same for heads that turn whole, whatever the config says of larger ones. */
  Rope whole() {
    return new Rope(base, localBase, type, scaling, 1, original);
  }

  /** Elements of a head that turn. */
  int dimensions(int dH) {
    int dimensions = (int) (partial * dH);
    if (dimensions < 2 || dimensions > dH || dimensions % 2 != 0) {
      throw scaling.error(
          PARTIAL[0],
          Double.toString(partial),
          "must leave an even number of a head's " + dH + " elements");
    }
    return dimensions;
  }

  /** Puts the keys, and the tensor of divisors that Llama 3 has. */
  void put(MetadataBuilder out, String architecture, int dH) {
    put(out, architecture, dH, true);
  }

  /**
   * Puts the same.
   *
   * @param wholePairs whether the architecture rounds the pairs that YaRN mixes between
   */
  void put(MetadataBuilder out, String architecture, int dH, boolean wholePairs) {
    put(out, architecture, dH, wholePairs, false);
  }

  /** Puts the same for an architecture in which YaRN's multiplier is a factor of scores. */
  void putSharpeningScores(MetadataBuilder out, String architecture, int dH) {
    put(out, architecture, dH, true, true);
  }

  private void put(
      MetadataBuilder out,
      String architecture,
      int dH,
      boolean wholePairs,
      boolean sharpensScores) {
    String prefix = architecture + ".rope.";
    out.integer(prefix + "dimension_count", dimensions(dH)).real(prefix + "freq_base", base);
    if (localBase != null) {
      out.real(prefix + "freq_base_swa", localBase);
    }
    switch (type) {
      case "default", "llama3" -> {}
      case "linear" ->
          out.string(prefix + "scaling.type", "linear")
              .real(prefix + "scaling.factor", scaling.real("factor"));
      case "yarn" -> {
        double factor = scaling.real("factor");
        boolean rounds = scaling.bool("truncate", true);
        if (rounds != wholePairs) {
          throw scaling.unsupported("truncate", "" + rounds, "it must be " + wholePairs);
        }
        out.string(prefix + "scaling.type", "yarn")
            .real(prefix + "scaling.factor", factor)
            .integer(prefix + "scaling.original_context_length", original);
        double usual = Rotation.yarnMagnitude(factor, 1);
        double sharpened = sharpening(factor, usual);
        double multiplier = sharpensScores ? scaling.real("mscale_all_dim", 0) : 0;
        if (multiplier != 0) {
          if (sharpened != 1) {
            throw scaling.unsupported(
                "mscale", "", "cosine and sine must keep their size, not grow by " + sharpened);
          }
          out.real(prefix + "scaling.yarn_log_multiplier", 0.1 * multiplier);
        } else if (sharpened != usual) {
          out.real(prefix + "scaling.attn_factor", sharpened / usual);
        }
        YARN_KEYS.forEach(
            (key, name) -> {
              if (scaling.has(key)) {
                out.real(prefix + "scaling." + name, scaling.real(key));
              }
            });
      }
      default -> throw unsupported("default, linear, llama3, yarn");
    }
  }

  /** What cosine and sine are multiplied by in contexts so many times as long. */
  private double sharpening(double factor, double usual) {
    double numerator = scaling.real("mscale", 0);
    double denominator = scaling.real("mscale_all_dim", 0);
    boolean both = numerator != 0 && denominator != 0;
    double own =
        both
            ? Rotation.yarnMagnitude(factor, numerator)
                / Rotation.yarnMagnitude(factor, denominator)
            : usual;
    return scaling.real("attention_factor", own);
  }

  /** Adds the tensor of divisors that goes with the type {@code llama3}. */
  void addTensors(TensorMap map, int dH) {
    if (type.equals("llama3")) {
      map.addVector("rope_freqs.weight", llama3Divisors(dimensions(dH)));
    }
  }

  RuntimeException unsupported(String supported) {
    return scaling.unsupported("rope_type", type, "supported: " + supported);
  }

  /**
   * What the frequencies are divided by: long waves by the factor, short ones by nothing, those
   * between by a mixture (the Llama 3.1 release; arXiv 2407.21783).
   */
  private float[] llama3Divisors(int dRot) {
    double factor = scaling.real("factor", 8);
    double low = scaling.real("low_freq_factor", 1);
    double high = scaling.real("high_freq_factor", 4);
    double original = scaling.size("original_max_position_embeddings", 8192);
    if (!(high > low) || !(low > 0) || !(factor > 0)) {
      throw scaling.error(
          "high_freq_factor", Double.toString(high), "must exceed low_freq_factor " + low);
    }
    float[] divisors = new float[dRot / 2];
    for (int j = 0; j < divisors.length; j++) {
      double turns = original * StrictMath.pow(base, -2.0 * j / dRot) / (2 * Math.PI);
      double smooth = (turns - low) / (high - low);
      divisors[j] =
          (float) (smooth > 1 ? 1 : smooth < 0 ? factor : 1 / ((1 - smooth) / factor + smooth));
    }
    return divisors;
  }
}
