package dev.vidrio.lens.decode;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.UnembeddingGradient;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Trains an {@link AttentionLens}: for each head, the map that minimizes KL(model ‖ lens), as
 * {@link TunedLensTrainer} does for layers. Each head of a step takes the logits of all tokens of a
 * text but the first, forward and backward: the time of a step grows with the number of heads.
 *
 * <p>Not thread-safe.
 *
 * @see "docs/lens/lenses.md"
 */
public final class AttentionLensTrainer implements AutoCloseable {
  private final Lens lens;
  private final LearningRate rate;
  private final HookPoint end;
  private final AttentionLens attention;
  private final Map<AttentionLens.Head, AffineFit> fits = new LinkedHashMap<>();
  private final UnembeddingGradient unembedding;
  private int done;

  /**
   * Prepares training.
   *
   * @param points names of {@code attn.hook_z}; all their heads are trained
   * @param rate learning rate of the first step, above 0 and below 1, relative as for {@link
   *     TunedLensTrainer}
   * @param steps number of steps of the whole training
   * @throws dev.vidrio.error.InvalidInputException if a point is not the z of attention, or the
   *     rate is out of range
   */
  public AttentionLensTrainer(Lens lens, String points, double rate, int steps) {
    this.rate = new LearningRate(rate, steps);
    this.lens = lens;
    this.end = new HookPoint(HookSite.RESID_POST, lens.model().architecture().layers() - 1);
    this.attention = AttentionLens.initial(lens, lens.points(points));
    for (AttentionLens.Head head : attention.heads()) {
      fits.put(head, new AffineFit(lens.model().executor(), attention.map(head), false));
    }
    this.unembedding = UnembeddingGradient.of(lens.model());
  }

  /** Returns the current lens, which the trainer continues to update. */
  public AttentionLens attention() {
    return attention;
  }

  /**
   * Runs one step per text, in order.
   *
   * @return for each head the mean divergence of its lens from the model before each step, in nats
   * @throws dev.vidrio.error.InvalidInputException if a text is too short, or there are more texts
   *     than steps left
   */
  public Map<AttentionLens.Head, Double> run(List<int[]> texts) {
    Map<AttentionLens.Head, Double> sums = new LinkedHashMap<>();
    for (int[] tokens : texts) {
      step(tokens, true).forEach((head, value) -> sums.merge(head, value, Double::sum));
    }
    sums.replaceAll((head, sum) -> sum / texts.size());
    return sums;
  }

  /** Returns the mean divergence of each head on a text, in nats, without training. */
  public Map<AttentionLens.Head, Double> evaluate(int[] tokens) {
    return step(tokens, false);
  }

  private Map<AttentionLens.Head, Double> step(int[] tokens, boolean learn) {
    Preconditions.require(
        tokens.length >= 2, "text", tokens.length + " tokens", "must have at least 2 tokens");
    double stepRate = learn ? rate.at(done++) : 0;
    Capture capture = Capture.of(attention.hooks() + "," + end.name()).positions(1, tokens.length);
    Map<AttentionLens.Head, Double> divergences = new LinkedHashMap<>();
    try (ActivationCache cache = lens.run(tokens, capture)) {
      double[][] truth = AffineFit.logProbabilities(unembedding, cache.get(end).rows());
      fits.forEach(
          (head, fit) -> {
            var x = new float[cache.rows()][];
            for (int i = 0; i < x.length; i++) {
              x[i] = attention.z(cache, head, i);
            }
            divergences.put(head, fit.run(x, truth, 0, unembedding, stepRate));
          });
    }
    return divergences;
  }

  @Override
  public void close() {
    unembedding.close();
  }
}
