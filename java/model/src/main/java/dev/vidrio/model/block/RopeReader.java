package dev.vidrio.model.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rotation.Temperature;
import dev.vidrio.kernel.weight.Weights;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads the rotation of a model's rotary position embedding with its scaling.
 *
 * <ul>
 *   <li>none: θⱼ = base^(−2j/d_rot) (Su et al. 2021, arXiv 2104.09864)
 *   <li>linear: θⱼ / factor (Chen et al. 2023, arXiv 2306.15595)
 *   <li>yarn: long waves are divided by the factor, short ones are left, those between are mixed
 *       (Peng et al. 2023, arXiv 2309.00071)
 *   <li>a tensor {@code rope_freqs.weight} of divisors, as Llama 3 has it
 * </ul>
 */
public final class RopeReader {
  private static final float MAX = 1e9f;
  private static final float MIN_BASE = 1e-3f;
  private static final float MAX_BASE = 1e12f;

  private final Keys keys;
  private final WeightLoader weights;
  private final Rotation.Pairs pairs;
  private final int contextLength;
  private final int divisors;
  private int dRot;
  private final double base;
  private boolean wholePairs = true;
  private boolean sharpensScores;

  RopeReader(Keys keys, WeightLoader weights, Sizes sizes, Rotation.Pairs pairs) {
    this.keys = keys;
    this.weights = weights;
    this.pairs = pairs;
    this.contextLength = sizes.contextLength();
    this.dRot = width(keys, "rope.dimension_count", sizes.dH());
    this.divisors = dRot / 2;
    this.base = keys.floatValue("rope.freq_base", MIN_BASE, MAX_BASE, 10000f);
  }

  /** The same where YaRN mixes between pairs that are real numbers, not rounded to whole ones. */
  public RopeReader unrounded() {
    wholePairs = false;
    return this;
  }

  /** The same where half of the elements turn that the file says; it may have divisors of all. */
  public RopeReader halved() {
    if (dRot % 4 != 0) {
      throw keys.error("rope.dimension_count", Integer.toString(dRot), "must be a multiple of 4");
    }
    dRot /= 2;
    return this;
  }

  /**
   * The same where YaRN's multiplier is a factor of scores, {@link #scoreFactor}, and leaves cosine
   * and sine as they are; files have a tenth of it.
   */
  RopeReader sharpeningScores() {
    String factor = "rope.scaling.attn_factor";
    if (keys.floatValue(factor, -MAX, MAX, 1) != 1) {
      throw keys.unsupported(keys.full(factor));
    }
    sharpensScores = true;
    return this;
  }

  /** What scores are multiplied by. */
  double scoreFactor() {
    double sharpening = Rotation.yarnMagnitude(factor(), 10 * multiplier());
    return type().equals("yarn") ? sharpening * sharpening : 1;
  }

  /** Elements that turn of a head of d_h. */
  public static int width(Keys keys, String key, int dH) {
    int width = keys.intValue(key, 2, dH, dH);
    if (width % 2 != 0) {
      throw keys.error(key, Integer.toString(width), "must be even");
    }
    return width;
  }

  /** Elements of a head that turn. */
  public int width() {
    return dRot;
  }

  /** Positions that the model knew before its rotation was scaled. */
  public int originalContext() {
    return keys.intValue(
        "rope.scaling.original_context_length", 1, Integer.MAX_VALUE, contextLength);
  }

  /** How much queries grow with the position. */
  public Temperature temperature() {
    double scale = keys.floatValue("attention.temperature_scale", 0, MAX, 0);
    String length = "attention.temperature_length";
    return scale == 0
        ? Temperature.NONE
        : new Temperature(scale, keys.intValue(length, 1, Integer.MAX_VALUE, originalContext()), 0);
  }

  /** The rotation with the file's scaling, and its divisors where it has them. */
  public Rotation scaled() {
    return scaled(weights.optionalVector("rope_freqs.weight", divisors));
  }

  /**
   * The rotation with the file's scaling.
   *
   * @param divisors [width / 2] of the frequencies, or null
   */
  public Rotation scaled(@Nullable Weights divisors) {
    String type = type();
    List<Double> frequencies = divided(dRot, base, divisors);
    return switch (type) {
      case "none", "longrope" -> new Rotation(pairs, frequencies, magnitude(1));
      case "linear" -> new Rotation(pairs, scaled(frequencies, factor()), magnitude(1));
      case "yarn" -> yarn(frequencies);
      default -> throw keys.unsupported(keys.full("rope.scaling.type") + " '" + type + "'");
    };
  }

  /**
   * The rotation without scaling.
   *
   * @param key of the base
   * @param fallback base where the file does not have the key
   */
  public Rotation plain(String key, float fallback) {
    return plain(dRot, key, fallback);
  }

  /**
   * The rotation without scaling, of layers whose heads have another width.
   *
   * @param width elements of a head that turn
   */
  public Rotation plain(int width, String key, float fallback) {
    double ownBase = keys.floatValue(key, MIN_BASE, MAX_BASE, fallback);
    return new Rotation(pairs, divided(width, ownBase, null), 1);
  }

  private String type() {
    return keys.string("rope.scaling.type", keys.has("rope.scale_linear") ? "linear" : "none");
  }

  private double multiplier() {
    return keys.floatValue("rope.scaling.yarn_log_multiplier", 0, MAX, 0);
  }

  private double factor() {
    String key = "rope.scaling.factor";
    return keys.has(key)
        ? keys.floatValue(key, 1e-6f, MAX)
        : keys.floatValue("rope.scale_linear", 1e-6f, MAX, 1);
  }

  private double magnitude(double scaling) {
    return scaling * keys.floatValue("rope.scaling.attn_factor", 1e-6f, MAX, 1);
  }

  private List<Double> divided(int width, double base, @Nullable Weights divisors) {
    List<Double> frequencies = new ArrayList<>();
    for (int j = 0; j < width / 2; j++) {
      double frequency = StrictMath.pow(base, -2.0 * j / width);
      float divisor = divisors == null ? 1 : divisors.data().getAtIndex(JAVA_FLOAT_UNALIGNED, j);
      if (divisors != null && (!(divisor > 0) || Float.isInfinite(divisor))) {
        throw keys.gguf()
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
    double fast = keys.floatValue("rope.scaling.yarn_beta_fast", 1e-6f, MAX, 32);
    double slow = keys.floatValue("rope.scaling.yarn_beta_slow", 1e-6f, MAX, 1);
    double extrapolation = keys.floatValue("rope.scaling.yarn_ext_factor", 0, 1, 1);
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
    double own = keys.floatValue("rope.scaling.yarn_attn_factor", 1e-6f, MAX, 1);
    double sharpened =
        extrapolation == 0
            ? own
            : Rotation.yarnMagnitude(factor, 1) / Rotation.yarnMagnitude(factor, multiplier);
    return new Rotation(pairs, mixed, magnitude(sharpened));
  }

  /** The pair (as a real number) that makes so many turns over the original context. */
  private double pairWithTurns(double turns, int original) {
    return dRot * StrictMath.log(original / (turns * 2 * Math.PI)) / (2 * StrictMath.log(base));
  }
}
