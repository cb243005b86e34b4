package dev.vidrio.lens.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Unembedding;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Compares lenses of residual streams with the model's own predictions, on texts that they were not
 * fitted to: {@code KL(model ‖ lens)} after each position but the first of a text, the figure of
 * merit of Belrose et al. 2023 (arXiv 2303.08112), and how often both consider the same token most
 * likely. A future lens is compared with the prediction that it was fitted to, some tokens later.
 *
 * <p>Memory is 8 bytes per position of a text and token of the vocabulary.
 *
 * @param points the residual streams
 * @param scores for each lens by name, the scores at the points
 * @param count number of predictions of the model; a future lens has fewer
 * @see LogitLens
 * @see "docs/lens/lenses.md"
 */
public record LensComparison(List<HookPoint> points, Map<String, List<Score>> scores, int count) {
  /** Rows of logits in memory at once. */
  private static final int ROWS = 32;

  private static final double LN_2 = Math.log(2);

  /**
   * How well a lens predicts the model at a point.
   *
   * @param divergence KL(model ‖ lens) in bits
   * @param agreement the portion of positions where both consider the same token most likely, from
   *     0 to 1
   */
  public record Score(Estimate divergence, Estimate agreement) {}

  public LensComparison {
    points = List.copyOf(points);
  }

  /**
   * Compares lenses.
   *
   * @param texts of at least two tokens, and one more than the tokens that a lens reads ahead
   * @param hooks names of residual streams
   * @param lenses by name, such as {@link LogitLens.Translation#NONE} as "logit"
   * @throws dev.vidrio.error.InvalidInputException if a point is not a residual stream, or a text
   *     is too short
   */
  public static LensComparison of(
      Lens lens, List<int[]> texts, String hooks, Map<String, LogitLens.Translation> lenses) {
    Preconditions.require(!texts.isEmpty(), "texts", "0", "must be at least 1");
    List<HookPoint> points = lens.points(hooks);
    points.forEach(Preconditions::requireStream);
    int ahead = lenses.values().stream().mapToInt(LogitLens.Translation::ahead).max().orElse(0);
    for (int[] tokens : texts) {
      String limit = "must have at least " + (2 + ahead) + " tokens";
      Preconditions.require(tokens.length >= 2 + ahead, "text", tokens.length + " tokens", limit);
    }
    Map<String, List<Sums>> sums = new LinkedHashMap<>();
    lenses.forEach(
        (name, each) -> sums.put(name, points.stream().map(point -> new Sums()).toList()));
    int layers = lens.model().architecture().layers();
    var end = new HookPoint(HookSite.RESID_POST, layers - 1);
    try (Unembedding unembedding = Unembedding.of(lens.model())) {
      for (int[] tokens : texts) {
        Capture capture = Capture.of(hooks + "," + end.name()).positions(1, tokens.length);
        try (ActivationCache cache = lens.run(tokens, capture)) {
          Truth truth = Truth.of(unembedding, cache.get(end).rows());
          for (int p = 0; p < points.size(); p++) {
            HookPoint point = points.get(p);
            float[][] rows = cache.get(point).rows();
            for (var each : lenses.entrySet()) {
              List<Sums> own = sums.getOrDefault(each.getKey(), List.of());
              own.get(p).add(unembedding, truth, point, rows, each.getValue());
            }
          }
        }
      }
    }
    Map<String, List<Score>> scores = new LinkedHashMap<>();
    sums.forEach((name, each) -> scores.put(name, each.stream().map(Sums::score).toList()));
    int count = texts.stream().mapToInt(tokens -> tokens.length - 1).sum();
    return new LensComparison(points, scores, count);
  }

  /** The predictions of the model. */
  private static final class Truth {
    final double[][] logProbabilities;
    final int[] best;

    private Truth(double[][] logProbabilities, int[] best) {
      this.logProbabilities = logProbabilities;
      this.best = best;
    }

    static Truth of(Unembedding unembedding, float[][] streams) {
      var found = new double[streams.length][];
      var best = new int[streams.length];
      blocks(
          unembedding,
          streams,
          (row, logits) -> {
            found[row] = Vectors.logProbabilities(logits);
            best[row] = Vectors.largest(logits, 1)[0];
          });
      return new Truth(found, best);
    }
  }

  private interface RowTaker {
    /** Receives the logits of a row, on any thread. */
    void take(int row, float[] logits);
  }

  /** Computes the logits of rows, some at a time. */
  private static void blocks(Unembedding unembedding, float[][] streams, RowTaker taker) {
    for (int first = 0; first < streams.length; first += ROWS) {
      int begin = first;
      int end = Math.min(streams.length, first + ROWS);
      var logits = new float[end - begin][];
      unembedding.logits(
          Arrays.copyOfRange(streams, begin, end),
          (row, values) -> logits[row] = values.toArray(JAVA_FLOAT));
      IntStream.range(0, logits.length)
          .parallel()
          .forEach(row -> taker.take(begin + row, logits[row]));
    }
  }

  /** The values of a lens at a point. */
  private static final class Sums {
    private final List<Double> divergences = new ArrayList<>();
    private final List<Double> agreements = new ArrayList<>();

    void add(
        Unembedding unembedding,
        Truth truth,
        HookPoint point,
        float[][] rows,
        LogitLens.Translation lens) {
      int n = rows.length - lens.ahead();
      var streams = new float[n][];
      IntStream.range(0, n).parallel().forEach(i -> streams[i] = lens.of(point, rows[i]));
      var divergence = new double[n];
      var agreement = new double[n];
      blocks(
          unembedding,
          streams,
          (i, logits) -> {
            int read = i + lens.ahead();
            double[] own = Vectors.logProbabilities(logits);
            double[] whole = truth.logProbabilities[read];
            double sum = 0;
            for (int w = 0; w < own.length; w++) {
              sum += Math.exp(whole[w]) * (whole[w] - own[w]);
            }
            divergence[i] = Math.max(0, sum) / LN_2;
            agreement[i] = Vectors.largest(logits, 1)[0] == truth.best[read] ? 1 : 0;
          });
      Arrays.stream(divergence).forEach(divergences::add);
      Arrays.stream(agreement).forEach(agreements::add);
    }

    Score score() {
      return new Score(estimate(divergences), estimate(agreements));
    }

    private static Estimate estimate(List<Double> values) {
      return Estimate.of(values.stream().mapToDouble(value -> value).toArray());
    }
  }

  /** Returns the score of a lens at a point, or null if it was not compared there. */
  public @Nullable Score score(String name, HookPoint point) {
    List<Score> all = scores.get(name);
    int row = points.indexOf(point);
    return all == null || row < 0 ? null : all.get(row);
  }
}
