package dev.vidrio.kernel.op;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The angles of a rotary position embedding (Su et al. 2021, arXiv 2104.09864): at position p, pair
 * j rotates by {@code p · frequencies.get(j)}. Context scaling changes the frequencies and the
 * magnitude.
 *
 * @param pairs which elements form a pair
 * @param frequencies θ in radians per position, one per pair; 0 for a pair that stays as it is
 * @param magnitude factor on cosine and sine of pairs that turn, 1 but for YaRN
 * @param temperature by which all pairs grow with the position
 */
public record Rotation(
    Pairs pairs, List<Double> frequencies, double magnitude, Temperature temperature) {

  /** Which elements of a head form a pair. */
  public enum Pairs {
    /** Elements 2j and 2j+1. */
    INTERLEAVED,
    /** Elements j and j + width/2. */
    HALVES
  }

  /**
   * What queries grow by in long contexts, so that scores still tell tokens apart (Nakanishi 2025,
   * arXiv 2501.19399): 1 + scale · ln(1 + ⌊(position + first) / length⌋).
   *
   * @param scale 0 for none
   * @param length positions of a context that is not long, at least 1
   * @param first what the first position counts as: 0, or 1 as in Llama 4
   */
  public record Temperature(double scale, int length, int first) {
    /** No growth. */
    public static final Temperature NONE = new Temperature(0, 1, 0);

    double factor(int position) {
      return 1 + scale * StrictMath.log(1 + (position + first) / length);
    }
  }

  public Rotation {
    frequencies = List.copyOf(frequencies);
  }

  /** A rotation whose magnitude is the same at all positions. */
  public Rotation(Pairs pairs, List<Double> frequencies, double magnitude) {
    this(pairs, frequencies, magnitude, Temperature.NONE);
  }

  /** None: the pairs of so many elements stay as they are. */
  public static Rotation still(int width) {
    return new Rotation(Pairs.HALVES, Collections.nCopies(width / 2, 0.0), 1);
  }

  /** The same with pairs that grow. */
  public Rotation heated(Temperature newTemperature) {
    return new Rotation(pairs, frequencies, magnitude, newTemperature);
  }

  /**
   * What YaRN (Peng et al. 2023, arXiv 2309.00071) makes the magnitude of a context {@code factor}
   * times as long: 1 + 0.1 · multiplier · ln factor, and 1 where it is no longer.
   */
  public static double sharpening(double factor, double multiplier) {
    return factor <= 1 ? 1 : 1 + 0.1 * multiplier * StrictMath.log(factor);
  }

  /** The same behind elements of a head that stay as they are, whose number is even. */
  public Rotation behind(int still) {
    List<Double> all = new ArrayList<>(Collections.nCopies(still / 2, 0.0));
    all.addAll(frequencies);
    return new Rotation(pairs, all, magnitude, temperature);
  }

  /** Elements of a head that turn, and those before them. */
  public int width() {
    return 2 * frequencies.size();
  }

  /** The rotation by the opposite angles: where the magnitude is 1, the inverse. */
  public Rotation opposite() {
    List<Double> negated = frequencies.stream().map(theta -> -theta).toList();
    return new Rotation(pairs, negated, magnitude, temperature);
  }

  /** The cosine of pair j at a position, as docs/numerics.md defines it. */
  public float cos(int position, int j) {
    return (float) (StrictMath.cos(position * frequencies.get(j)) * magnitude(position, j));
  }

  /** The sine of pair j at a position. */
  public float sin(int position, int j) {
    return (float) (StrictMath.sin(position * frequencies.get(j)) * magnitude(position, j));
  }

  private double magnitude(int position, int j) {
    return (frequencies.get(j) == 0 ? 1 : magnitude) * temperature.factor(position);
  }
}
