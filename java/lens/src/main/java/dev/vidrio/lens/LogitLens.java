package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.model.InvalidInputException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.PriorityQueue;

/**
 * The logit lens (nostalgebraist 2020; Elhage et al. 2021): what the model would say if a layer
 * were its last, {@code LN_f(x^l) W_U}, for every layer and token.
 *
 * @param tokens that ran
 * @param from the position of column 0
 * @param points the residual streams that were read, a row each
 * @param cells [points][positions]
 */
public record LogitLens(
    List<Integer> tokens, int from, List<HookPoint> points, List<List<Cell>> cells) {
  private static final double LN_2 = Math.log(2);

  /**
   * A prediction.
   *
   * @param top the most likely tokens, in descending order
   * @param entropy of the distribution, in bits
   * @param rank of the token that the whole model finds most likely; 0 is the best
   * @param divergence of the whole model's distribution from this one, in bits: KL(final ‖ this)
   */
  public record Cell(List<Candidate> top, double entropy, int rank, double divergence) {
    public Cell {
      top = List.copyOf(top);
    }
  }

  /** A token and its probability. */
  public record Candidate(int token, double probability) {}

  public LogitLens {
    tokens = List.copyOf(tokens);
    points = List.copyOf(points);
    cells = cells.stream().map(List::copyOf).toList();
  }

  /**
   * Reads the residual stream after every layer, and before the first.
   *
   * @param capture which positions; names must mean points of the residual stream
   * @param k tokens of a prediction
   */
  public static LogitLens of(Lens lens, int[] tokens, Capture capture, int k) {
    for (HookPoint point : lens.points(capture.hooks())) {
      if (!point.site().isResidualStream()) {
        throw new InvalidInputException(
            "hook", point.name(), "is no residual stream, which the logit lens reads");
      }
    }
    int last = lens.model().architecture().layers() - 1;
    HookPoint end = new HookPoint(HookSite.RESID_POST, last);
    Capture more = capture.withHooks(capture.hooks() + "," + end);
    try (ActivationCache cache = lens.run(tokens, more);
        Unembedding unembedding = Unembedding.of(lens.model())) {
      List<HookPoint> points = lens.points(capture.hooks());
      List<List<Cell>> cells = new ArrayList<>();
      points.forEach(point -> cells.add(new ArrayList<>()));
      for (int i = 0; i < cache.rows(); i++) {
        List<Cell> column = column(cache, end, points, i, unembedding, k);
        for (int row = 0; row < points.size(); row++) {
          cells.get(row).add(column.get(row));
        }
      }
      List<Integer> ids = Arrays.stream(cache.tokens()).boxed().toList();
      return new LogitLens(ids, cache.from(), points, cells);
    }
  }

  /** The cells of a position, one for each point: only its logits are in memory at a time. */
  private static List<Cell> column(
      ActivationCache cache,
      HookPoint end,
      List<HookPoint> points,
      int i,
      Unembedding unembedding,
      int k) {
    int d = cache.get(end).shape().getLast();
    var residuals = new float[Math.multiplyExact(points.size() + 1, d)];
    System.arraycopy(cache.get(end).row(i), 0, residuals, 0, d);
    for (int row = 0; row < points.size(); row++) {
      System.arraycopy(cache.get(points.get(row)).row(i), 0, residuals, (row + 1) * d, d);
    }
    List<float[]> logits = new ArrayList<>();
    unembedding.logits(
        MemorySegment.ofArray(residuals), (row, values) -> logits.add(values.toArray(JAVA_FLOAT)));
    double[] truth = logProbabilities(logits.getFirst());
    return logits.subList(1, logits.size()).stream()
        .parallel()
        .map(values -> cell(values, truth, k))
        .toList();
  }

  private static double[] logProbabilities(float[] logits) {
    double greatest = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      greatest = Math.max(greatest, logit);
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - greatest);
    }
    double norm = greatest + Math.log(sum);
    var result = new double[logits.length];
    for (int w = 0; w < result.length; w++) {
      result[w] = logits[w] - norm;
    }
    return result;
  }

  private static Cell cell(float[] logits, double[] truth, int k) {
    double[] own = logProbabilities(logits);
    int best = argmax(truth);
    double entropy = 0;
    double divergence = 0;
    int rank = 0;
    for (int w = 0; w < own.length; w++) {
      entropy -= Math.exp(own[w]) * own[w];
      divergence += Math.exp(truth[w]) * (truth[w] - own[w]);
      if (own[w] > own[best] || (own[w] == own[best] && w < best)) {
        rank++;
      }
    }
    return new Cell(top(own, k), entropy / LN_2, rank, Math.max(0, divergence) / LN_2);
  }

  private static int argmax(double[] values) {
    int best = 0;
    for (int w = 1; w < values.length; w++) {
      if (values[w] > values[best]) {
        best = w;
      }
    }
    return best;
  }

  private static List<Candidate> top(double[] logProbabilities, int k) {
    Comparator<Candidate> ascending =
        Comparator.comparingDouble(Candidate::probability)
            .thenComparing(Candidate::token, Comparator.reverseOrder());
    var best = new PriorityQueue<>(ascending);
    for (int w = 0; w < logProbabilities.length; w++) {
      var candidate = new Candidate(w, Math.exp(logProbabilities[w]));
      if (best.size() < k
          || ascending.compare(candidate, Objects.requireNonNull(best.peek())) > 0) {
        best.add(candidate);
        if (best.size() > k) {
          best.remove();
        }
      }
    }
    return best.stream().sorted(ascending.reversed()).toList();
  }
}
