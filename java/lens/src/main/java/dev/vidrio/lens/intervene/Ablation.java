package dev.vidrio.lens.intervene;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.RowMean;
import dev.vidrio.model.sampling.SplitMix64;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Replacements for the activation of a component, to measure its contribution: {@code h̃} in
 * section 3.2 of the primer (arXiv 2405.00208). {@link Intervention#zero} is the simplest.
 *
 * @see "docs/lens/interventions.md"
 */
public final class Ablation {
  private Ablation() {}

  /**
   * Mean ablation (Wang et al. 2023, arXiv 2211.00593): the mean over all positions of other runs.
   * Scores and patterns take the mean over runs at the same position, since rows depend on it.
   *
   * @throws InvalidInputException if the runs have no position, or patterns of different shapes
   */
  public static Intervention mean(HookPoint point, List<ActivationCache> runs) {
    requireRows(point, runs.stream().mapToLong(ActivationCache::rows).sum());
    if (point.site().axes() == HookSite.Axes.QUERY_KEY) {
      return meanAttention(point, runs);
    }
    var mean = new RowMean();
    for (ActivationCache run : runs) {
      mean.addAll(run.get(point).rows());
    }
    return Intervention.set(point, mean.mean());
  }

  private static Intervention meanAttention(HookPoint point, List<ActivationCache> runs) {
    ActivationCache first = runs.getFirst();
    Activation any = first.get(point);
    var mean = new RowMean();
    for (ActivationCache run : runs) {
      Activation attention = run.get(point);
      if (!attention.shape().equals(any.shape()) || run.from() != first.from()) {
        throw new InvalidInputException(
            "ablation of " + point,
            attention.shape() + " from position " + run.from(),
            "must be " + any.shape() + " from " + first.from() + " as in the first run");
      }
      mean.add(attention.toArray());
    }
    var values = new Activation(point, any.shape(), MemorySegment.ofArray(mean.mean()));
    return Intervention.patch(values, first.from(), first.rows());
  }

  /**
   * Resample ablation (Chan et al. 2022, causal scrubbing): at each position the activation of a
   * random run and position, drawn independently; not for scores and patterns, which {@link
   * Intervention#patch} resamples.
   *
   * @param from the first replaced position
   * @param to the position after the last one
   * @throws InvalidInputException if the runs have no position
   */
  public static Intervention resample(
      HookPoint point, List<ActivationCache> runs, int from, int to, long seed) {
    if (point.site().axes() == HookSite.Axes.QUERY_KEY) {
      throw new InvalidInputException("ablation of " + point, "", "rows depend on the position");
    }
    long rows = runs.stream().mapToLong(ActivationCache::rows).sum();
    requireRows(point, rows);
    var random = new SplitMix64(seed);
    float[] values = new float[0];
    for (int i = 0; i < to - from; i++) {
      long drawn = (long) (random.nextDouble() * rows);
      int run = 0;
      while (drawn >= runs.get(run).rows()) {
        drawn -= runs.get(run).rows();
        run++;
      }
      float[] row = runs.get(run).get(point).row((int) drawn);
      values = i == 0 ? new float[Math.multiplyExact(to - from, row.length)] : values;
      System.arraycopy(row, 0, values, i * row.length, row.length);
    }
    return Intervention.set(point, values).positions(from, to);
  }

  private static void requireRows(HookPoint point, long rows) {
    Preconditions.require(rows != 0, "ablation of " + point, "", "the other runs are empty");
  }

  /**
   * Noise (Meng et al. 2022, arXiv 2202.05262): adds normally distributed numbers, drawn
   * independently per position.
   *
   * @param width of the point's rows; of scores and patterns, H times the run's positions
   * @param from the first position
   * @param to the position after the last one
   * @param deviation their standard deviation
   * @throws InvalidInputException if the deviation is negative or NaN
   */
  public static Intervention noise(
      HookPoint point, int width, int from, int to, double deviation, long seed) {
    boolean valid = deviation >= 0 && Double.isFinite(deviation);
    Preconditions.require(
        valid, "standard deviation", deviation, "must be finite and not negative");
    var random = new SplitMix64(seed);
    var values = new float[Math.multiplyExact(to - from, width)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (deviation * gaussian(random));
    }
    return Intervention.add(point, 1, values).positions(from, to);
  }

  /** Returns a normally distributed number (Box and Muller 1958, doi:10.1214/aoms/1177706645). */
  private static double gaussian(SplitMix64 random) {
    double radius = Math.sqrt(-2 * StrictMath.log(1 - random.nextDouble()));
    return radius * StrictMath.cos(2 * Math.PI * random.nextDouble());
  }
}
