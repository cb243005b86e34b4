package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * RoPE of a configuration. Older files have {@code rope_theta} and {@code rope_scaling}, newer ones
 * {@code rope_parameters}, which may have parameters for layers with a sliding window.
 *
 * @param base base of the frequencies
 * @param localBase base in layers with a sliding window, or null if it is equal
 * @param type {@code default}, {@code linear}, {@code llama3} …
 * @param scaling object with the parameters of the type
 * @param partial part of a head that is rotated
 * @param original context length before scaling
 */
public record Rope(
    double base,
    @Nullable Double localBase,
    String type,
    Config scaling,
    double partial,
    int original) {

  private static final String CONTEXT = "max_position_embeddings";
  private static final String ORIGINAL = "original_max_position_embeddings";

  /** Names of the part of a head that is rotated. */
  private static final String[] PARTIAL = {"partial_rotary_factor", "rope_pct", "rotary_pct"};

  private static final Map<String, String> YARN_KEYS =
      Map.of(
          "extrapolation_factor", "yarn_ext_factor",
          "beta_fast", "yarn_beta_fast",
          "beta_slow", "yarn_beta_slow");

  /**
   * Reads it from a config, of a model that turns whole heads: transformers silently ignores a
   * share if the model's code does not use one.
   */
  public static Rope of(Config config) {
    Rope rope = of(config, 1);
    if (rope.partial != 1) {
      Config from = rope.scaling.has(PARTIAL[0]) ? rope.scaling : config;
      throw from.unsupported(
          from.firstOf(PARTIAL), Double.toString(rope.partial), "RoPE must rotate whole heads");
    }
    return rope;
  }

  /**
   * Reads it from a config.
   *
   * @param usual the share of a head that turns where the config does not say so
   */
  public static Rope of(Config config, double usual) {
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
        own.size(ORIGINAL, config.size(CONTEXT, 1)));
  }

  /** Returns the type; DeepSeek's code has another name for YaRN. */
  private static String type(Config own) {
    String type = own.string(own.firstOf("rope_type", "type"), "default");
    return type.equals("deepseek_yarn") ? "yarn" : type;
  }

  /**
   * Rejects a configuration without a base, as the default differs between versions of
   * transformers.
   */
  public static void requireBase(Config config) {
    Config all = config.object(config.firstOf("rope_parameters", "rope_scaling"));
    if (!config.has("rope_theta") && !all.has("rope_theta")) {
      throw config.error("rope_theta", "", "is missing");
    }
  }

  /** Returns unscaled RoPE of another base. */
  public Rope based(double newBase) {
    return based(newBase, "default");
  }

  /** Returns RoPE of another base and type. */
  public Rope based(double newBase, String newType) {
    return new Rope(newBase, localBase, newType, scaling, partial, original);
  }

  /** Returns RoPE for text, in which all position axes of M-RoPE coincide (arXiv 2409.12191). */
  public Rope ofText() {
    return type.equals("mrope") ? based(base) : this;
  }

  /** Returns RoPE within the original context, where dynamic scaling has no effect. */
  public Rope withoutDynamicScaling() {
    return type.equals("dynamic") ? based(base) : this;
  }

  /** Returns RoPE over whole heads. */
  public Rope whole() {
    return new Rope(base, localBase, type, scaling, 1, original);
  }

  /** Returns the number of rotated elements of a head. */
  public int dimensions(int dH) {
    int dimensions = (int) (partial * dH);
    if (dimensions < 2 || dimensions > dH || dimensions % 2 != 0) {
      throw scaling.error(
          PARTIAL[0],
          Double.toString(partial),
          "must leave an even number of a head's " + dH + " elements");
    }
    return dimensions;
  }

  /** Adds the keys. */
  public void put(MetadataBuilder out, int dH) {
    put(out, dH, true, false);
  }

  /**
   * Adds the keys.
   *
   * @param wholePairs whether the architecture rounds YaRN's correction range to whole pairs
   * @param sharpensScores whether the architecture applies YaRN's multiplier to scores
   */
  public void put(MetadataBuilder out, int dH, boolean wholePairs, boolean sharpensScores) {
    out.integer("rope.dimension_count", dimensions(dH)).real("rope.freq_base", base);
    if (localBase != null) {
      out.real("rope.freq_base_swa", localBase);
    }
    switch (type) {
      case "default", "llama3" -> {}
      case "linear" ->
          out.string("rope.scaling.type", "linear")
              .real("rope.scaling.factor", scaling.real("factor"));
      case "yarn" -> {
        double factor = scaling.real("factor");
        boolean rounds = scaling.bool("truncate", true);
        if (rounds != wholePairs) {
          throw scaling.unsupported("truncate", "" + rounds, "must be " + wholePairs);
        }
        out.string("rope.scaling.type", "yarn")
            .real("rope.scaling.factor", factor)
            .integer("rope.scaling.original_context_length", original);
        double usual = Rotation.yarnMagnitude(factor, 1);
        double sharpened = sharpening(factor, usual);
        double multiplier = sharpensScores ? scaling.real("mscale_all_dim", 0) : 0;
        if (multiplier != 0) {
          if (sharpened != 1) {
            throw scaling.unsupported(
                "mscale", "", "cosine and sine must keep their size, not grow by " + sharpened);
          }
          out.real("rope.scaling.yarn_log_multiplier", 0.1 * multiplier);
        } else if (sharpened != usual) {
          out.real("rope.scaling.attn_factor", sharpened / usual);
        }
        YARN_KEYS.forEach(
            (key, name) -> {
              if (scaling.has(key)) {
                out.real("rope.scaling." + name, scaling.real(key));
              }
            });
      }
      default -> throw unsupported("default, linear, llama3, yarn");
    }
  }

  /** Returns the factor of cosine and sine in contexts scaled by a factor. */
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

  /** Returns whether frequencies have other divisors in long contexts (arXiv 2402.13753). */
  private boolean isLong() {
    return type.equals("longrope") || type.equals("su");
  }

  /** Adds the keys of a model that may have LongRoPE; its magnitude follows from the contexts. */
  public void putLong(Config config, MetadataBuilder out, int dH) {
    if (!isLong()) {
      put(out, dH);
      return;
    }
    double before = contextBefore(config);
    double scale = config.size(CONTEXT) / before;
    double usual = scale > 1 ? Math.sqrt(1 + Math.log(scale) / Math.log(before)) : 1;
    putLong(config, out, dH, scaling.real("attention_factor", usual));
  }

  /** Adds the keys of a model that may have LongRoPE; its magnitude is {@code short_mscale}. */
  public void putLongOfShortMagnitude(Config config, MetadataBuilder out, int dH) {
    if (!isLong()) {
      put(out, dH);
      return;
    }
    double magnitude = scaling.real("short_mscale");
    scaling.require("long_mscale", value -> value.asDouble(0) == magnitude, "must be " + magnitude);
    putLong(config, out, dH, magnitude);
  }

  private void putLong(Config config, MetadataBuilder out, int dH, double magnitude) {
    out.integer("rope.dimension_count", dimensions(dH))
        .real("rope.freq_base", base)
        .string("rope.scaling.type", "longrope")
        .integer("rope.scaling.original_context_length", contextBefore(config))
        .real("rope.scaling.attn_factor", magnitude);
  }

  private int contextBefore(Config config) {
    return scaling.size(ORIGINAL, config.size(ORIGINAL, config.size(CONTEXT)));
  }

  /** Adds the tensors of divisors that go with the type. */
  public void addTensors(TensorMap map, int dH) {
    if (type.equals("llama3")) {
      map.addVector("rope_freqs.weight", llama3Divisors(dimensions(dH)));
    }
    if (isLong()) {
      int pairs = dimensions(dH) / 2;
      map.addVector("rope_factors_long.weight", factors("long_factor", pairs));
      map.addVector("rope_factors_short.weight", factors("short_factor", pairs));
    }
  }

  private float[] factors(String key, int pairs) {
    float[] factors = scaling.reals(key);
    if (factors.length != pairs) {
      throw scaling.error(key, factors.length + " factors", "must be " + pairs);
    }
    return factors;
  }

  public RuntimeException unsupported(String supported) {
    return scaling.unsupported("rope_type", type, "supported: " + supported);
  }

  /**
   * Returns divisors of frequencies; those of pairs without rotation are nearly infinite.
   *
   * @param parameters object with the part of pairs that rotate
   * @param usual the part unless the object has it
   */
  static float[] partialDivisors(Config parameters, int dH, double usual) {
    boolean whole = parameters.string("rope_type", "proportional").equals("default");
    double share = whole ? 1 : parameters.real(PARTIAL[0], usual);
    int pairs = dH / 2;
    int turning = (int) (share * pairs);
    if (turning < 1 || turning > pairs) {
      throw parameters.error(PARTIAL[0], Double.toString(share), "must be above 0 and at most 1");
    }
    var divisors = new float[pairs];
    Arrays.fill(divisors, 1);
    Arrays.fill(divisors, turning, pairs, 1e30f);
    return divisors;
  }

  /**
   * Returns the divisors of frequencies: the factor for low ones, 1 for high ones, and
   * interpolations between (the Llama 3.1 release; arXiv 2407.21783).
   */
  private float[] llama3Divisors(int dRot) {
    double factor = scaling.real("factor", 8);
    double low = scaling.real("low_freq_factor", 1);
    double high = scaling.real("high_freq_factor", 4);
    double original = scaling.size(ORIGINAL, 8192);
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
