package dev.vidrio.lens.inspect;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Logit spectroscopy (Cancedda 2024, arXiv 2402.09221): which part of the residual stream lies in
 * each band of singular vectors of the unembedding? The last band is the dark subspace, which
 * hardly changes logits.
 *
 * <p>Memory is 4 · d bytes per point and position.
 *
 * @param from the position of column 0
 * @param points the residual streams, or what is added to them
 * @param bands number of bands, of equal numbers of singular vectors in descending order of their
 *     values
 * @param shares for each point and position, the portion of the squared norm in each band, [points]
 *     [positions][bands]
 * @see LogitSpectrum
 * @see "docs/lens/decoding.md"
 */
public record LogitSpectroscopy(
    int from, List<HookPoint> points, int bands, List<List<List<Double>>> shares) {
  public LogitSpectroscopy {
    points = List.copyOf(points);
    shares = shares.stream().map(rows -> rows.stream().map(List::copyOf).toList()).toList();
  }

  /**
   * Measures a text.
   *
   * @param spectrum of the lens's model
   * @param capture residual streams, or activations that are added to them, and the positions
   * @param bands number of bands, 1 to d
   * @throws dev.vidrio.error.InvalidInputException if a point is something else, or the number is
   *     out of range
   */
  public static LogitSpectroscopy of(
      Lens lens, LogitSpectrum spectrum, int[] tokens, Capture capture, int bands) {
    Preconditions.requireRange("bands", bands, 1, spectrum.size());
    List<HookPoint> points = lens.points(capture.hooks());
    for (HookPoint point : points) {
      boolean in = point.site().isResidualStream() || point.site().isAddedToResidualStream();
      boolean whole = point.site() != HookSite.RESULT;
      Preconditions.require(
          in && whole, "hook", point.name(), "is neither a residual stream nor added to it");
    }
    try (ActivationCache cache = lens.run(tokens, capture)) {
      List<List<List<Double>>> shares = new ArrayList<>();
      for (HookPoint point : points) {
        float[][] rows = cache.get(point).rows();
        shares.add(
            IntStream.range(0, rows.length)
                .parallel()
                .mapToObj(i -> list(spectrum.shares(rows[i], bands)))
                .toList());
      }
      return new LogitSpectroscopy(cache.from(), points, bands, shares);
    }
  }

  private static List<Double> list(double[] values) {
    return Arrays.stream(values).boxed().toList();
  }

  /**
   * Returns the mean share of a band at a point over all columns but the first token of the text,
   * if there are others.
   *
   * @param point an index of {@link #points}
   */
  public double mean(int point, int band) {
    List<List<Double>> rows = shares.get(point);
    int skip = from == 0 && rows.size() > 1 ? 1 : 0;
    return rows.stream().skip(skip).mapToDouble(row -> row.get(band)).average().orElseThrow();
  }
}
