package dev.vidrio.lens.inspect;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Unembedding;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The logit lens (nostalgebraist 2020; Elhage et al. 2021): what would the model predict if each
 * layer were its last? For every position and residual stream it computes {@code LN_f(x^l) W_U}.
 *
 * {@snippet file="LensExamplesTest.java" region="logits"}
 *
 * <p>Methods are thread-safe; logits are in memory for one position at a time.
 *
 * @param tokens the text
 * @param from the position of column 0
 * @param points the residual streams, a row each
 * @param cells [points][positions]
 * @param token a token; every cell also has its standing; −1 for none
 * @see ComponentLens
 * @see dev.vidrio.lens.decode.TunedLens
 * @see "docs/lens/README.md"
 */
public record LogitLens(
    List<Integer> tokens, int from, List<HookPoint> points, List<List<Cell>> cells, int token) {
  private static final double LN_2 = Math.log(2);

  /**
   * A prediction.
   *
   * @param top the most likely tokens, in descending order
   * @param entropy of the distribution, in bits
   * @param rank of the token that the whole model considers most likely, from 0; −1 if a future
   *     lens reads a position that the text does not have
   * @param divergence of the whole model's distribution from this one, in bits: KL(final ‖ this);
   *     NaN if a future lens reads a position that the text does not have
   * @param standing of the token in question, or null if there is none
   * @param path the rank of this cell's most likely token at each point, at this position; empty if
   *     not requested
   */
  public record Cell(
      List<Candidate> top,
      double entropy,
      int rank,
      double divergence,
      @Nullable Standing standing,
      List<Integer> path) {
    public Cell {
      top = List.copyOf(top);
      path = List.copyOf(path);
    }

    /**
     * Returns the cell of a prediction.
     *
     * @param logits [V]
     * @param whole the logits of the whole model, [V]
     * @param k number of tokens, at least 1
     * @param token a token; its standing is added; −1 for none
     */
    public static Cell of(float[] logits, float[] whole, int k, int token) {
      return cell(logits, new Prediction(whole), k, token);
    }

    private Cell withPath(float[][] logits) {
      int best = top.getFirst().token();
      List<Integer> ranks =
          Arrays.stream(logits, 1, logits.length)
              .map(values -> LogitLens.rank(values, best))
              .toList();
      return new Cell(top, entropy, rank, divergence, standing, ranks);
    }

    private Cell withoutTruth() {
      return new Cell(top, entropy, -1, Double.NaN, standing, path);
    }
  }

  /** A token and its probability, from 0 to 1. */
  public record Candidate(int token, double probability) {}

  /**
   * The standing of a token in a prediction.
   *
   * @param rank from 0, the most likely
   * @param probability from 0 to 1
   */
  public record Standing(int rank, double probability) {}

  public LogitLens {
    tokens = List.copyOf(tokens);
    points = List.copyOf(points);
    cells = cells.stream().map(List::copyOf).toList();
  }

  /**
   * Transforms a residual stream before it is decoded, such as a {@link
   * dev.vidrio.lens.decode.TunedLens}.
   */
  @FunctionalInterface
  public interface Translation {
    /** The logit lens, which decodes residual streams without a transformation. */
    Translation NONE = (point, x) -> x;

    /**
     * Returns the residual stream at a point, [d], in the basis of the last one: x, or a new array.
     */
    float[] of(HookPoint point, float[] x);

    /**
     * Returns the number of tokens between the position that is read and that of the decoded
     * prediction: 0, except for a future lens.
     */
    default int ahead() {
      return 0;
    }
  }

  /**
   * Decodes the residual stream before the first layer and after every layer.
   *
   * @param capture the positions; its patterns must select points of the residual stream
   * @param k number of tokens per prediction, at least 1
   */
  public static LogitLens of(Lens lens, int[] tokens, Capture capture, int k) {
    return of(lens, tokens, capture, k, Translation.NONE);
  }

  /** Decodes residual streams after a translation. */
  public static LogitLens of(
      Lens lens, int[] tokens, Capture capture, int k, Translation translation) {
    return of(lens, tokens, capture, k, translation, List.of());
  }

  /**
   * Decodes residual streams of a run with interventions.
   *
   * @throws InvalidInputException also if an intervention does not fit its point
   */
  public static LogitLens of(
      Lens lens,
      int[] tokens,
      Capture capture,
      int k,
      Translation translation,
      List<Intervention> edits) {
    return of(lens, tokens, capture, k, -1, translation, edits);
  }

  /**
   * Decodes residual streams, and follows a token through the layers.
   *
   * @param token a token; each cell also has its standing; −1 for none
   * @throws InvalidInputException also if the token is not in the vocabulary
   */
  public static LogitLens of(
      Lens lens,
      int[] tokens,
      Capture capture,
      int k,
      int token,
      Translation translation,
      List<Intervention> edits) {
    return of(lens, tokens, capture, k, token, translation, edits, false);
  }

  /**
   * Decodes residual streams, and follows a token and the most likely token of each cell through
   * the layers.
   *
   * @param token a token; each cell also has its standing; −1 for none
   * @param paths whether cells have the {@linkplain Cell#path path} of their most likely token,
   *     which takes about as long as the rest
   * @throws InvalidInputException also if the token is not in the vocabulary
   */
  public static LogitLens of(
      Lens lens,
      int[] tokens,
      Capture capture,
      int k,
      int token,
      Translation translation,
      List<Intervention> edits,
      boolean paths) {
    if (token >= 0) {
      Preconditions.requireToken(lens.model(), token);
    }
    Preconditions.requirePositive("tokens of a cell", k);
    List<HookPoint> points = lens.points(capture.hooks());
    points.forEach(Preconditions::requireStream);
    Capture more = capture.withHooks(capture.hooks() + "," + end(lens));
    int ahead = translation.ahead();
    int from = capture.from() < 0 ? Math.max(0, tokens.length + capture.from()) : capture.from();
    int count = Math.min(tokens.length, capture.to()) - from;
    if (ahead > 0 && count > 0) {
      more = more.positions(from, (int) Math.min(tokens.length, (long) capture.to() + ahead));
    }
    try (ActivationCache cache = lens.run(tokens, more, edits)) {
      return read(lens, cache, 0, count, points, translation, k, token, paths);
    }
  }

  /**
   * Decodes the residual streams that a run has kept, and follows a token through the layers.
   *
   * @param cache a run that has kept the points and {@code blocks.-1.hook_resid_post}
   * @param points of the residual stream
   * @param k number of tokens per prediction, at least 1
   * @param token a token; each cell also has its standing; −1 for none
   * @throws InvalidInputException if the run has not kept a point, a point is not a residual
   *     stream, or the token is not in the vocabulary
   */
  public static LogitLens of(
      Lens lens, ActivationCache cache, List<HookPoint> points, int k, int token) {
    int end = cache.from() + cache.rows();
    return of(lens, cache, points, cache.from(), end, k, token);
  }

  /**
   * Decodes the residual streams that a run has kept, at some positions, and follows a token
   * through the layers. The cells are those of a run of the tokens up to these positions.
   *
   * @param cache a run that has kept the points and {@code blocks.-1.hook_resid_post}
   * @param points of the residual stream
   * @param from the first position
   * @param to the position after the last
   * @param k number of tokens per prediction, at least 1
   * @param token a token; each cell also has its standing; −1 for none
   * @throws InvalidInputException if the run has not kept a point or position, a point is not a
   *     residual stream, or the token is not in the vocabulary
   */
  public static LogitLens of(
      Lens lens,
      ActivationCache cache,
      List<HookPoint> points,
      int from,
      int to,
      int k,
      int token) {
    int end = cache.from() + cache.rows();
    String limit = "the run has " + cache.from() + " to " + end;
    Preconditions.require(
        cache.from() <= from && from <= to && to <= end, "positions", from + ":" + to, limit);
    if (token >= 0) {
      Preconditions.requireToken(lens.model(), token);
    }
    Preconditions.requirePositive("tokens of a cell", k);
    points.forEach(Preconditions::requireStream);
    int first = from - cache.from();
    return read(lens, cache, first, to - from, points, Translation.NONE, k, token, false);
  }

  /** Returns the cells of {@code count} positions of a run, from its row {@code first} on. */
  private static LogitLens read(
      Lens lens,
      ActivationCache cache,
      int first,
      int count,
      List<HookPoint> points,
      Translation translation,
      int k,
      int token,
      boolean paths) {
    HookPoint end = end(lens);
    try (Unembedding unembedding = Unembedding.of(lens.model())) {
      List<List<Cell>> cells = new ArrayList<>();
      points.forEach(point -> cells.add(new ArrayList<>()));
      int last = Math.min(first + count, cache.rows());
      for (int i = first; i < last; i++) {
        List<Cell> column =
            column(cache, end, points, i, translation, unembedding, k, token, paths);
        for (int row = 0; row < points.size(); row++) {
          cells.get(row).add(column.get(row));
        }
      }
      List<Integer> ids = Arrays.stream(cache.tokens()).boxed().toList();
      return new LogitLens(ids, cache.from() + first, points, cells, token);
    }
  }

  /** Returns the last residual stream. */
  private static HookPoint end(Lens lens) {
    return new HookPoint(HookSite.RESID_POST, lens.model().architecture().layers() - 1);
  }

  /** Returns the cells of a position, one per point. */
  private static List<Cell> column(
      ActivationCache cache,
      HookPoint end,
      List<HookPoint> points,
      int i,
      Translation translation,
      Unembedding unembedding,
      int k,
      int token,
      boolean paths) {
    var residuals = new float[points.size() + 1][];
    boolean known = i + translation.ahead() < cache.rows();
    residuals[0] = cache.get(end).row(known ? i + translation.ahead() : i);
    for (int row = 0; row < points.size(); row++) {
      HookPoint point = points.get(row);
      residuals[row + 1] = translation.of(point, cache.get(point).row(i));
    }
    float[][] logits = unembedding.logits(residuals);
    Prediction whole = new Prediction(logits[0]);
    return Arrays.stream(logits, 1, logits.length)
        .parallel()
        .map(values -> cell(values, whole, k, token))
        .map(cell -> known ? cell : cell.withoutTruth())
        .map(cell -> paths ? cell.withPath(logits) : cell)
        .toList();
  }

  /** A prediction of the whole model, which all cells of a position are compared with. */
  private static final class Prediction {
    /** The log-probabilities, [V]. */
    final double[] logs;

    /** The probabilities, [V]. */
    final double[] shares;

    /** The most likely token. */
    final int best;

    private Prediction(float[] logits) {
      this.logs = Vectors.logProbabilities(logits);
      this.shares = Arrays.stream(logs).map(Math::exp).toArray();
      this.best = Vectors.largest(logits, 1)[0];
    }
  }

  /**
   * Returns a cell. The exponentials of all logits take most of its time, and are computed once.
   */
  private static Cell cell(float[] logits, Prediction whole, int k, int token) {
    double max = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      max = Math.max(max, logit);
    }
    var powers = new double[logits.length];
    double sum = 0;
    for (int w = 0; w < logits.length; w++) {
      powers[w] = Math.exp(logits[w] - max);
      sum += powers[w];
    }
    double total = max + Math.log(sum);
    double entropy = 0;
    double divergence = 0;
    for (int w = 0; w < logits.length; w++) {
      double log = logits[w] - total;
      entropy -= powers[w] * log;
      divergence += whole.shares[w] * (whole.logs[w] - log);
    }
    List<Candidate> candidates =
        Arrays.stream(Vectors.largest(logits, k))
            .mapToObj(id -> new Candidate(id, Math.exp(logits[id] - total)))
            .toList();
    Standing standing =
        token < 0 ? null : new Standing(rank(logits, token), Math.exp(logits[token] - total));
    return new Cell(
        candidates,
        entropy / sum / LN_2,
        rank(logits, whole.best),
        Math.max(0, divergence) / LN_2,
        standing,
        List.of());
  }

  private static int rank(float[] logits, int token) {
    int rank = 0;
    for (int w = 0; w < logits.length; w++) {
      if (logits[w] > logits[token] || (logits[w] == logits[token] && w < token)) {
        rank++;
      }
    }
    return rank;
  }
}
