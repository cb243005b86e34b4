package dev.vidrio.model.architecture;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.vidrio.kernel.Rotation;
import dev.vidrio.kernel.Weights;
import dev.vidrio.model.UnsupportedModelException;
import dev.vidrio.model.gguf.Gguf;
import dev.vidrio.model.gguf.Metadata;
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
final class RopeReader {
  private static final float MAX = 1e9f;

  private final Gguf gguf;
  private final Metadata metadata;
  private final String prefix;
  private final int dRot;
  private final double base;

  /**
   * @param architecture the prefix of the keys
   * @param dRot elements of a head that turn
   */
  RopeReader(Gguf gguf, String architecture, int dRot) {
    this.gguf = gguf;
    this.metadata = gguf.metadata();
    this.prefix = architecture + ".rope.";
    this.dRot = dRot;
    this.base = metadata.floatValue(prefix + "freq_base", 1e-3f, 1e12f, 10000f);
  }

  /**
   * The rotation.
   *
   * @param divisors of the frequencies, from {@code rope_freqs.weight}, or null
   * @param contextLength positions that the model was made for
   */
  Rotation read(Rotation.Pairs pairs, @Nullable Weights divisors, int contextLength) {
    String type =
        metadata
            .optionalString(prefix + "scaling.type")
            .orElse(metadata.contains(prefix + "scale_linear") ? "linear" : "none");
    List<Double> frequencies = divided(divisors);
    return switch (type) {
      case "none" -> new Rotation(pairs, frequencies, magnitude(1));
      case "linear" -> new Rotation(pairs, scaled(frequencies, factor()), magnitude(1));
      case "yarn" -> yarn(pairs, frequencies, contextLength);
      default ->
          throw new UnsupportedModelException(
              gguf.name(), prefix + "scaling.type '" + type + "'", "supported: none, linear, yarn");
    };
  }

  private double factor() {
    String key = prefix + "scaling.factor";
    return metadata.contains(key)
        ? metadata.floatValue(key, 1e-6f, MAX)
        : metadata.floatValue(prefix + "scale_linear", 1e-6f, MAX, 1);
  }

  private double magnitude(double scaling) {
    return scaling * metadata.floatValue(prefix + "scaling.attn_factor", 1e-6f, MAX, 1);
  }

  private List<Double> divided(@Nullable Weights divisors) {
    List<Double> frequencies = new ArrayList<>();
    for (int j = 0; j < dRot / 2; j++) {
      double frequency = StrictMath.pow(base, -2.0 * j / dRot);
      float divisor = divisors == null ? 1 : divisors.data().getAtIndex(JAVA_FLOAT_UNALIGNED, j);
      if (!(divisor > 0) || Float.isInfinite(divisor)) {
        throw metadata.error(
            "rope_freqs.weight", j, Float.toString(divisor), "must be positive and finite");
      }
      frequencies.add(frequency / divisor);
    }
    return frequencies;
  }

  private static List<Double> scaled(List<Double> frequencies, double factor) {
    return frequencies.stream().map(frequency -> frequency / factor).toList();
  }

  private Rotation yarn(Rotation.Pairs pairs, List<Double> frequencies, int contextLength) {
    double factor = factor();
    int original =
        metadata.intValue(
            prefix + "scaling.original_context_length", 1, Integer.MAX_VALUE, contextLength);
    double fast = metadata.floatValue(prefix + "scaling.yarn_beta_fast", 1e-6f, MAX, 32);
    double slow = metadata.floatValue(prefix + "scaling.yarn_beta_slow", 1e-6f, MAX, 1);
    double extrapolation = metadata.floatValue(prefix + "scaling.yarn_ext_factor", 0, 1, 1);
    double low = Math.max(0, Math.floor(pairWithTurns(fast, original)));
    double high = Math.min(dRot - 1, Math.ceil(pairWithTurns(slow, original)));
    List<Double> mixed = new ArrayList<>();
    for (int j = 0; j < frequencies.size(); j++) {
      double ramp = Math.clamp((j - low) / Math.max(0.001, high - low), 0, 1);
      double kept = (1 - ramp) * extrapolation;
      mixed.add(frequencies.get(j) * (kept + (1 - kept) / factor));
    }
    double sharpened =
        extrapolation == 0
            ? 1
            : 1
                + metadata.floatValue(prefix + "scaling.yarn_log_multiplier", 0, MAX, 0.1f)
                    * StrictMath.log(factor);
    return new Rotation(pairs, mixed, magnitude(sharpened));
  }

  /** The pair (as a real number) that makes so many turns over the original context. */
  private double pairWithTurns(double turns, int original) {
    return dRot * StrictMath.log(original / (turns * 2 * Math.PI)) / (2 * StrictMath.log(base));
  }
}
