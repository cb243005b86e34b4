package dev.vidrio.lens.decode;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.UnembeddingGradient;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Trains a {@link TunedLens}: for each layer, the translator that minimizes KL(model ‖ lens).
 * Gradients flow through the unembedding and the final norm only. A step uses the tokens of one
 * text, except the first.
 *
 * <p>With t tokens ahead it trains a future lens: the lens of position i is fitted to the model's
 * prediction after position i + t.
 *
 * <p>The optimizer is that of the program tuned-lens: gradient descent with Nesterov momentum, a
 * learning rate that falls linearly to zero over all steps, and clipped gradients. The rate is
 * relative to the size of the residual stream, which differs by orders of magnitude between layers
 * and models, and the gradients are clipped for each layer.
 *
 * <p>Not thread-safe.
 *
 * @see "docs/lens/decoding.md"
 */
public final class TunedLensTrainer implements AutoCloseable {
  /** The default learning rate of the first step. */
  public static final double RATE = 0.2;

  private final Lens lens;
  private final LearningRate rate;
  private final HookPoint end;
  private final TunedLens tuned;
  private final Map<HookPoint, AffineFit> fits = new LinkedHashMap<>();
  private final UnembeddingGradient unembedding;
  private int done;

  /**
   * Prepares training of a tuned lens.
   *
   * @param points names of residual streams; that after the last layer, which needs no translation,
   *     is skipped
   * @param rate learning rate of the first step, above 0 and below 1
   * @param steps number of steps of the whole training
   */
  public TunedLensTrainer(Lens lens, String points, double rate, int steps) {
    this(lens, points, rate, steps, 0);
  }

  /**
   * Prepares training of a tuned lens or a future lens.
   *
   * @param points names of residual streams; that after the last layer is skipped if {@code ahead}
   *     is 0
   * @param rate learning rate of the first step, above 0 and below 1
   * @param steps number of steps of the whole training
   * @param ahead number of tokens between the position that is read and that of the fitted
   *     prediction; 0 for a tuned lens
   * @throws dev.vidrio.error.InvalidInputException if a point is not a residual stream, none is
   *     left, or a number is out of range
   */
  public TunedLensTrainer(Lens lens, String points, double rate, int steps, int ahead) {
    this.rate = new LearningRate(rate, steps);
    Preconditions.requireRange("ahead", ahead, 0, TunedLens.MAX_AHEAD);
    this.lens = lens;
    int layers = lens.model().architecture().layers();
    this.end = new HookPoint(HookSite.RESID_POST, layers - 1);
    List<HookPoint> read = new ArrayList<>(lens.points(points));
    if (ahead == 0) {
      read.remove(end);
    }
    read.forEach(Preconditions::requireStream);
    Preconditions.require(
        !read.isEmpty(), "hooks", points, "must select a residual stream before the last");
    this.tuned = TunedLens.zeros(read, lens.model().architecture().width(), ahead);
    for (HookPoint point : read) {
      fits.put(point, new AffineFit(lens.model().executor(), tuned.translator(point), true));
    }
    this.unembedding = UnembeddingGradient.of(lens.model());
  }

  /** Returns the current lens, which the trainer continues to update. */
  public TunedLens tuned() {
    return tuned;
  }

  /**
   * Runs one step per text, in order.
   *
   * @return for each point the mean divergence of its lens from the model before each step, in nats
   * @throws dev.vidrio.error.InvalidInputException if a text is too short, or there are more texts
   *     than steps left
   */
  public Map<HookPoint, Double> run(List<int[]> texts) {
    Map<HookPoint, Double> sums = new LinkedHashMap<>();
    for (int[] tokens : texts) {
      step(tokens, true).forEach((point, value) -> sums.merge(point, value, Double::sum));
    }
    sums.replaceAll((point, sum) -> sum / texts.size());
    return sums;
  }

  /** Returns the mean divergence at each point on a text, in nats, without training. */
  public Map<HookPoint, Double> evaluate(int[] tokens) {
    return step(tokens, false);
  }

  private Map<HookPoint, Double> step(int[] tokens, boolean learn) {
    int ahead = tuned.ahead();
    Preconditions.require(
        tokens.length >= 2 + ahead,
        "text",
        tokens.length + " tokens",
        "must have at least " + (2 + ahead) + " tokens");
    double stepRate = learn ? rate.at(done++) : 0;
    StringBuilder hooks = new StringBuilder(end.name());
    fits.keySet().forEach(point -> hooks.append(',').append(point.name()));
    Capture capture = Capture.of(hooks.toString()).positions(1, tokens.length);
    Map<HookPoint, Double> divergences = new LinkedHashMap<>();
    try (ActivationCache cache = lens.run(tokens, capture)) {
      double[][] truth = AffineFit.logProbabilities(unembedding, cache.get(end).rows());
      fits.forEach(
          (point, fit) -> {
            float[][] rows = cache.get(point).rows();
            float[][] x = Arrays.copyOf(rows, rows.length - ahead);
            double value = fit.run(x, truth, ahead, unembedding, stepRate);
            divergences.put(point, value);
          });
    }
    return divergences;
  }

  @Override
  public void close() {
    unembedding.close();
  }
}
