package dev.vidrio.lens.inspect;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The largest elements of residual streams: Sun et al. (2024, arXiv 2402.17762) found a few, at
 * fixed dimensions of the first token and of delimiters, thousands of times larger than the rest.
 *
 * @param norms ‖x‖₂ by point and position
 * @param largest the largest elements of each point, in the order of the points
 * @see "docs/lens/components.md"
 */
public record MassiveActivations(List<Norms> norms, List<Element> largest) {
  /**
   * The norms of a residual stream.
   *
   * @param point the hook point
   * @param values ‖x‖₂ of each captured position
   */
  public record Norms(HookPoint point, List<Double> values) {
    public Norms {
      values = List.copyOf(values);
    }
  }

  /**
   * An element of a residual stream.
   *
   * @param point the hook point
   * @param position of the token
   * @param dimension 0 to d − 1
   * @param value x
   * @param ratio |x| over the median magnitude of the stream at all captured positions
   */
  public record Element(HookPoint point, int position, int dimension, float value, double ratio) {
    /**
     * Returns whether it is massive as defined by Sun et al.: above 100, and 1000 times the median.
     */
    public boolean massive() {
      return Math.abs(value) > 100 && ratio >= 1000;
    }
  }

  public MassiveActivations {
    norms = List.copyOf(norms);
    largest = List.copyOf(largest);
  }

  /**
   * Finds the largest elements of residual streams.
   *
   * @param cache must have points of the residual stream; others are ignored
   * @param count number of elements per point, in descending order; at least 1
   */
  public static MassiveActivations of(ActivationCache cache, int count) {
    Preconditions.requirePositive("elements", count);
    List<Norms> norms = new ArrayList<>();
    List<Element> largest = new ArrayList<>();
    for (HookPoint point : cache.points()) {
      if (point.site().isResidualStream()) {
        Activation stream = cache.get(point);
        norms.add(new Norms(point, Arrays.stream(stream.rows()).map(Vectors::norm).toList()));
        largest.addAll(largest(stream, cache.from(), count));
      }
    }
    Preconditions.require(
        !norms.isEmpty(), "hook", cache.points().getFirst().name(), "is not a residual stream");
    return new MassiveActivations(norms, largest);
  }

  private static List<Element> largest(Activation stream, int from, int count) {
    float[] values = stream.toArray();
    int d = stream.shape().getLast();
    float[] magnitudes = values.clone();
    for (int i = 0; i < magnitudes.length; i++) {
      magnitudes[i] = Math.abs(magnitudes[i]);
    }
    int[] largest = Vectors.largest(magnitudes, count);
    Arrays.sort(magnitudes);
    double median = magnitudes[magnitudes.length / 2];
    return Arrays.stream(largest)
        .mapToObj(
            i ->
                new Element(
                    stream.point(), from + i / d, i % d, values[i], Math.abs(values[i]) / median))
        .toList();
  }
}
