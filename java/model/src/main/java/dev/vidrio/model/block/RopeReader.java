package dev.vidrio.model.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rotation.Temperature;
import dev.vidrio.kernel.weight.Weights;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads RoPE and its scaling.
 *
 * <ul>
 *   <li>none: θⱼ = base^(−2j/d_rot) (Su et al. 2021, arXiv 2104.09864)
 *   <li>linear: θⱼ / factor (Chen et al. 2023, arXiv 2306.15595)
 *   <li>yarn: low frequencies are divided by the factor, high ones are kept, those between are
 *       interpolated (Peng et al. 2023, arXiv 2309.00071)
 *   <li>a tensor {@code rope_freqs.weight} of divisors, as in Llama 3
 * </ul>
 */
public final class RopeReader {
  private static final float MAX = 1e9f;
  private static final float MIN_BASE = 1e-3f;
  private static final float MAX_BASE = 1e12f;

  private final Hyperparameters params;
  private final WeightLoader weights;
  private final Rotation.Pairs pairs;
  private final int contextLength;
  private final int divisors;
  private int dRot;
  private final double base;
  private boolean wholePairs = true;
  private boolean sharpensScores;

  RopeReader(
      Hyperparameters params,
      WeightLoader weights,
      ModelDimensions dimensions,
      Rotation.Pairs pairs) {
    this.params = params;
    this.weights = weights;
    this.pairs = pairs;
    this.contextLength = dimensions.contextLength();
    this.dRot = width(params, "rope.dimension_count", dimensions.dH());
    this.divisors = dRot / 2;
    this.base = params.floatValue("rope.freq_base", MIN_BASE, MAX_BASE, 10000f);
  }

  /** Does not round YaRN's correction range to whole pairs. */
  public RopeReader withoutRounding() {
    wholePairs = false;
    return this;
  }

  /** Rotates half of the file's number of elements; divisors may be for all of them. */
  public RopeReader overHalf() {
    if (dRot % 4 != 0) {
      throw params.error("rope.dimension_count", Integer.toString(dRot), "must be a multiple of 4");
    }
    dRot /= 2;
    return this;
  }

  /**
   * Applies YaRN's multiplier to scores ({@link #scoreFactor}) instead of cosine and sine; files
   * have a tenth of it.
   */
  RopeReader sharpeningScores() {
    String factor = "rope.scaling.attn_factor";
    if (params.floatValue(factor, -MAX, MAX, 1) != 1) {
      throw params.unsupported(params.full(factor));
    }
    sharpensScores = true;
    return this;
  }

  /** Returns the factor of scores. */
  double scoreFactor() {
    double sharpening = Rotation.yarnMagnitude(factor(), 10 * multiplier());
    return type().equals("yarn") ? sharpening * sharpening : 1;
  }

  /** Returns the number of rotated elements of a head of d_h. */
  public static int width(Hyperparameters params, String key, int dH) {
    int width = params.intValue(key, 2, dH, dH);
    if (width % 2 != 0) {
      throw params.error(key, Integer.toString(width), "must be even");
    }
    return width;
  }

  /** Returns the context length before scaling. */
  public int originalContext() {
    return params.intValue(
        "rope.scaling.original_context_length", 1, Integer.MAX_VALUE, contextLength);
  }

  /** Returns the growth of queries with the position. */
  public Temperature temperature() {
    double scale = params.floatValue("attention.temperature_scale", 0, MAX, 0);
    String length = "attention.temperature_length";
    return scale == 0
        ? Temperature.NONE
        : new Temperature(
            scale, params.intValue(length, 1, Integer.MAX_VALUE, originalContext()), 0);
  }

  /** Returns RoPE with the file's scaling and divisors. */
  public Rotation scaled() {
    return scaled(weights.optionalVector("rope_freqs.weight", divisors));
  }

  /**
   * Returns RoPE with the file's scaling and divisors for some contexts, if it has such (LongRoPE,
   * arXiv 2402.13753).
   *
   * @param contexts {@code short} or {@code long}
   */
  public Rotation scaledIn(String contexts) {
    boolean differ =
        weights.has("rope_factors_short.weight") || weights.has("rope_factors_long.weight");
    return scaled(differ ? weights.vector("rope_factors_" + contexts + ".weight", dRot / 2) : null);
  }

  /**
   * Returns RoPE with the file's scaling.
   *
   * @param divisors divisors [width / 2] of the frequencies, or null
   */
  private Rotation scaled(@Nullable Weights divisors) {
    String type = type();
    List<Double> frequencies = divided(dRot, base, divisors);
    return switch (type) {
      case "none", "longrope" -> new Rotation(pairs, frequencies, magnitude(1));
      case "linear" -> new Rotation(pairs, scaled(frequencies, factor()), magnitude(1));
      case "yarn" -> yarn(frequencies);
      default -> throw params.unsupported(params.full("rope.scaling.type") + " '" + type + "'");
    };
  }

  /** Returns unscaled RoPE of layers with a window, with its own base if the file has one. */
  public Rotation unscaledInWindows() {
    return unscaledInWindows(dRot);
  }

  /**
   * Returns unscaled RoPE of layers with a window, with its own base if the file has one.
   *
   * @param width rotated elements of a head
   */
  public Rotation unscaledInWindows(int width) {
    String own = "rope.freq_base_swa";
    return unscaled(width, params.has(own) ? own : "rope.freq_base", 10000f);
  }

  /**
   * Returns unscaled RoPE.
   *
   * @param key key of the base
   * @param fallback base of files without the key
   */
  public Rotation unscaled(String key, float fallback) {
    return unscaled(dRot, key, fallback);
  }

  /**
   * Returns unscaled RoPE of layers with another number of rotated elements.
   *
   * @param width rotated elements of a head
   * @param key key of the base
   * @param fallback base of files without the key
   */
  public Rotation unscaled(int width, String key, float fallback) {
    double ownBase = params.floatValue(key, MIN_BASE, MAX_BASE, fallback);
    return new Rotation(pairs, divided(width, ownBase, null), 1);
  }

  private String type() {
    return params.string("rope.scaling.type", params.has("rope.scale_linear") ? "linear" : "none");
  }

  private double multiplier() {
    return params.floatValue("rope.scaling.yarn_log_multiplier", 0, MAX, 0);
  }

  private double factor() {
    String key = "rope.scaling.factor";
    return params.has(key)
        ? params.floatValue(key, 1e-6f, MAX)
        : params.floatValue("rope.scale_linear", 1e-6f, MAX, 1);
  }

  private double magnitude(double scaling) {
    return scaling * params.floatValue("rope.scaling.attn_factor", 1e-6f, MAX, 1);
  }

  private List<Double> divided(int width, double base, @Nullable Weights divisors) {
    List<Double> frequencies = new ArrayList<>();
    for (int j = 0; j < width / 2; j++) {
      double frequency = StrictMath.pow(base, -2.0 * j / width);
      float divisor = divisors == null ? 1 : divisors.data().getAtIndex(JAVA_FLOAT_UNALIGNED, j);
      if (divisors != null && (!(divisor > 0) || Float.isInfinite(divisor))) {
        throw params
            .gguf()
            .metadata()
            .error(divisors.name(), j, Float.toString(divisor), "must be positive and finite");
      }
      frequencies.add(frequency / divisor);
    }
    return frequencies;
  }

  private static List<Double> scaled(List<Double> frequencies, double factor) {
    return frequencies.stream().map(frequency -> frequency / factor).toList();
  }

  private Rotation yarn(List<Double> frequencies) {
    double factor = factor();
    int original = originalContext();
    double fast = params.floatValue("rope.scaling.yarn_beta_fast", 1e-6f, MAX, 32);
    double slow = params.floatValue("rope.scaling.yarn_beta_slow", 1e-6f, MAX, 1);
    double extrapolation = params.floatValue("rope.scaling.yarn_ext_factor", 0, 1, 1);
    double first = pairWithTurns(fast, original);
    double last = pairWithTurns(slow, original);
    double low = Math.max(0, wholePairs ? Math.floor(first) : first);
    double high = Math.min(dRot - 1, wholePairs ? Math.ceil(last) : last);
    List<Double> mixed = new ArrayList<>();
    for (int j = 0; j < frequencies.size(); j++) {
      double ramp = Math.clamp((j - low) / Math.max(0.001, high - low), 0, 1);
      double kept = (1 - ramp) * extrapolation;
      mixed.add(frequencies.get(j) * (kept + (1 - kept) / factor));
    }
    double multiplier = multiplier();
    if (sharpensScores && multiplier != 0) {
      return new Rotation(pairs, mixed, 1);
    }
    double own = params.floatValue("rope.scaling.yarn_attn_factor", 1e-6f, MAX, 1);
    double sharpened =
        extrapolation == 0
            ? own
            : Rotation.yarnMagnitude(factor, 1) / Rotation.yarnMagnitude(factor, multiplier);
    return new Rotation(pairs, mixed, magnitude(sharpened));
  }

  /**
   * Returns the pair, as a real number, with the given number of rotations over the original
   * context.
   */
  private double pairWithTurns(double turns, int original) {
    return dRot * StrictMath.log(original / (turns * 2 * Math.PI)) / (2 * StrictMath.log(base));
  }
}
