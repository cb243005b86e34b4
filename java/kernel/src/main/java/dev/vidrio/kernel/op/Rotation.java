package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.argument.Arguments.require;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The angles of a rotary position embedding (RoPE: Su et al. 2021, arXiv 2104.09864): at position
 * p, pair j rotates by {@code p · frequencies.get(j)}. Context scaling changes the frequencies and
 * the magnitude.
 *
 * @param pairs which elements form a pair
 * @param frequencies θ in radians per position, one per pair; 0 for a pair that does not rotate
 * @param magnitude factor on cosine and sine of pairs that rotate; 1 except for YaRN
 * @param temperature factor on all pairs that depends on the position
 */
public record Rotation(
    Pairs pairs, List<Double> frequencies, double magnitude, Temperature temperature) {

  /** The elements of a head that form a pair. */
  public enum Pairs {
    /** Elements 2j and 2j+1. */
    INTERLEAVED,
    /** Elements j and j + width/2. */
    HALVES
  }

  /**
   * The attention temperature of long contexts (Nakanishi 2025, arXiv 2501.19399): queries are
   * multiplied by 1 + scale · ln(1 + ⌊(position + first) / length⌋).
   *
   * @param scale finite; 0 for none
   * @param length positions before the factor first exceeds 1, at least 1
   * @param first the offset of positions, not negative: 0, or 1 as in Llama 4
   */
  public record Temperature(double scale, int length, int first) {
    /** The constant factor 1. */
    public static final Temperature NONE = new Temperature(0, 1, 0);

    public Temperature {
      require(Double.isFinite(scale), "temperature scale " + scale + " must be finite");
      require(length >= 1, "temperature length " + length + " must be at least 1");
      require(first >= 0, "temperature offset " + first + " must not be negative");
    }

    double factor(int position) {
      return 1 + scale * StrictMath.log(1 + (position + first) / length);
    }
  }

  public Rotation {
    frequencies = List.copyOf(frequencies);
  }

  /** Creates a rotation without temperature. */
  public Rotation(Pairs pairs, List<Double> frequencies, double magnitude) {
    this(pairs, frequencies, magnitude, Temperature.NONE);
  }

  /** Returns the identity on heads of {@code width} elements (NoPE). */
  public static Rotation identity(int width) {
    return new Rotation(Pairs.HALVES, Collections.nCopies(width / 2, 0.0), 1);
  }

  /** Returns this rotation with another temperature. */
  public Rotation withTemperature(Temperature newTemperature) {
    return new Rotation(pairs, frequencies, magnitude, newTemperature);
  }

  /**
   * Returns the magnitude of YaRN (Peng et al. 2023, arXiv 2309.00071) for a context extended by
   * {@code factor}: 1 + 0.1 · multiplier · ln factor, and 1 for a factor of at most 1.
   */
  public static double yarnMagnitude(double factor, double multiplier) {
    return factor <= 1 ? 1 : 1 + 0.1 * multiplier * StrictMath.log(factor);
  }

  /**
   * Returns this rotation for heads that begin with {@code elements} further elements that do not
   * rotate, an even number.
   */
  public Rotation afterIdentity(int elements) {
    List<Double> all = new ArrayList<>(Collections.nCopies(elements / 2, 0.0));
    all.addAll(frequencies);
    return new Rotation(pairs, all, magnitude, temperature);
  }

  /** Returns the number of elements of a head that the rotation covers. */
  public int width() {
    return 2 * frequencies.size();
  }

  /** Returns the rotation by the negated angles: the inverse if the magnitude is 1. */
  public Rotation negated() {
    List<Double> negated = frequencies.stream().map(theta -> -theta).toList();
    return new Rotation(pairs, negated, magnitude, temperature);
  }

  /** Returns the cosine of pair j at a position, as defined by docs/numerics.md. */
  public float cos(int position, int j) {
    return (float) (StrictMath.cos(position * frequencies.get(j)) * magnitude(position, j));
  }

  /** Returns the sine of pair j at a position. */
  public float sin(int position, int j) {
    return (float) (StrictMath.sin(position * frequencies.get(j)) * magnitude(position, j));
  }

  private double magnitude(int position, int j) {
    return (frequencies.get(j) == 0 ? 1 : magnitude) * temperature.factor(position);
  }
}
