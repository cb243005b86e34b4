package dev.vidrio.lens.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.UnembeddingGradient;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.LogProbability;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * Trains a {@link TunedLens}: for each layer, the translator that minimizes KL(model ‖ lens).
 * Gradients flow through the unembedding and the final norm only. A step uses the tokens of one
 * text, except the first.
 *
 * <p>The size of residual streams differs by orders of magnitude between layers and models, so the
 * learning rate is relative: a step of Adam changes an element of the translated stream by at most
 * about this fraction of the root mean square of its elements.
 *
 * <p>Not thread-safe.
 *
 * @see "docs/lens/decoding.md"
 */
public final class TunedLensTrainer implements AutoCloseable {
  /** The default learning rate. */
  public static final double RATE = 0.02;

  private final Lens lens;
  private final double rate;
  private final HookPoint end;
  private final TunedLens tuned;
  private final Map<HookPoint, Adam> optimizers = new LinkedHashMap<>();
  private final UnembeddingGradient unembedding;
  private int steps;

  /**
   * Prepares training.
   *
   * @param points names of residual streams; that after the last layer, which needs no translation,
   *     is skipped
   * @param rate learning rate, above 0 and below 1
   */
  public TunedLensTrainer(Lens lens, String points, double rate) {
    Preconditions.require(
        rate > 0 && rate < 1, "learning rate", rate, "must be above 0 and below 1");
    this.lens = lens;
    this.rate = rate;
    int layers = lens.model().architecture().layers();
    this.end = new HookPoint(HookSite.RESID_POST, layers - 1);
    List<HookPoint> read = new ArrayList<>(lens.points(points));
    read.remove(end);
    read.forEach(Preconditions::requireStream);
    Preconditions.require(
        !read.isEmpty(), "hooks", points, "must select a residual stream before the last");
    this.tuned = TunedLens.zeros(read, lens.model().architecture().width());
    for (HookPoint point : read) {
      optimizers.put(point, new Adam(tuned.translator(point)));
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
    Preconditions.require(
        tokens.length >= 2, "text", tokens.length + " tokens", "must have at least 2 tokens");
    steps += learn ? 1 : 0;
    StringBuilder hooks = new StringBuilder(end.name());
    tuned.points().forEach(point -> hooks.append(',').append(point.name()));
    Capture capture = Capture.of(hooks.toString()).positions(1, tokens.length);
    Map<HookPoint, Double> divergences = new LinkedHashMap<>();
    try (ActivationCache cache = lens.run(tokens, capture)) {
      double[][] truth = logProbabilities(cache.get(end).rows());
      for (HookPoint point : tuned.points()) {
        divergences.put(point, step(point, cache.get(point).rows(), truth, learn));
      }
    }
    return divergences;
  }

  /** Returns the log-probabilities of the model, [n][V]. */
  private double[][] logProbabilities(float[][] streams) {
    var found = new double[streams.length][];
    unembedding.of(
        streams,
        (row, logits, gradient) ->
            found[row] = Vectors.logProbabilities(logits.toArray(JAVA_FLOAT)));
    return found;
  }

  private double step(HookPoint point, float[][] x, double[][] truth, boolean learn) {
    float[][] translated = translate(point, x);
    var divergences = new double[x.length];
    float[][] gradients =
        unembedding.of(
            translated,
            (row, logits, gradient) ->
                divergences[row] = divergence(truth[row], logits, gradient, x.length));
    if (learn) {
      learn(point, x, gradients);
    }
    return IntStream.range(0, x.length).mapToDouble(i -> divergences[i]).average().orElseThrow();
  }

  private float[][] translate(HookPoint point, float[][] x) {
    float[][] rows = tuned.translator(point);
    int d = rows.length - 1;
    try (var product = MatrixProduct.of(executor(), Arrays.copyOf(rows, d), x.length)) {
      float[][] translated = product.of(x);
      for (int i = 0; i < x.length; i++) {
        Vectors.add(translated[i], x[i]);
        Vectors.add(translated[i], rows[d]);
      }
      return translated;
    }
  }

  private Executor executor() {
    return lens.model().executor();
  }

  /**
   * Returns KL(model ‖ lens); its gradient with respect to the lens's logits is the difference of
   * the distributions.
   */
  private static double divergence(
      double[] truth, MemorySegment logits, MemorySegment gradient, int rows) {
    double total = LogProbability.logSum(logits);
    double sum = 0;
    for (int w = 0; w < truth.length; w++) {
      double log = logits.getAtIndex(JAVA_FLOAT, w) - total;
      double p = Math.exp(truth[w]);
      sum += p * (truth[w] - log);
      gradient.setAtIndex(JAVA_FLOAT, w, (float) ((Math.exp(log) - p) / rows));
    }
    return sum;
  }

  private void learn(HookPoint point, float[][] x, float[][] gradients) {
    float[][] weightGradients;
    float[][] columns = MatrixProduct.transposed(x);
    try (var product = MatrixProduct.of(executor(), columns, columns.length)) {
      weightGradients = product.of(MatrixProduct.transposed(gradients));
    }
    int d = columns.length;
    var biasGradient = new float[d];
    double length1 = 0;
    double squares = 0;
    for (int i = 0; i < x.length; i++) {
      Vectors.add(biasGradient, gradients[i]);
      length1 += Vectors.norm1(x[i]) / x.length;
      squares += Vectors.dot(x[i], x[i]) / x.length;
    }
    double size = Math.sqrt(squares / d);
    Adam adam = Objects.requireNonNull(optimizers.get(point));
    float[][] parameters = tuned.translator(point);
    double matrixRate = rate * size / length1;
    IntStream.range(0, d)
        .parallel()
        .forEach(j -> adam.step(steps, matrixRate, j, parameters[j], weightGradients[j]));
    adam.step(steps, rate * size, d, parameters[d], biasGradient);
  }

  @Override
  public void close() {
    unembedding.close();
  }
}
