package dev.vidrio.lens.fact;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Interruption;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.RowMean;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Directions of truth (Marks and Tegmark 2023, arXiv 2310.06824): does the residual stream after a
 * statement tell a true one from a false one? The direction of a layer is the mean stream of the
 * last token of true statements minus that of false ones (mass-mean probing). Statements beyond the
 * midpoint of both means count as true. Each statement is judged by the directions of the other
 * folds, which contain neither it nor its counterpart.
 *
 * @param accuracy by layer: the share of statements that are judged right
 * @param control by layer: the share if, among the statements from which a direction is computed,
 *     truth is assigned at random within each pair, mean of 20 draws
 * @param directions [layers][d]: those of all statements
 * @see "docs/lens/facts.md"
 */
public record TruthDirections(
    List<Estimate> accuracy, List<Estimate> control, List<List<Float>> directions) {
  /** Random assignments of truth for the control. */
  private static final int DRAWS = 20;

  /** A true statement and a false one. */
  public static final class Pair {
    private final int[] right;
    private final int[] wrong;

    /** Creates a pair of tokens. */
    public Pair(int[] right, int[] wrong) {
      this.right = right.clone();
      this.wrong = wrong.clone();
    }

    /**
     * Returns the statements of a fact, each with a period at the end.
     *
     * @param prompt with {@value Fact#SUBJECT} for the subject
     */
    public static Pair of(Model model, String subject, String prompt, String answer, String other) {
      String text = prompt.replace(Fact.SUBJECT, subject) + " ";
      return new Pair(
          model.tokenizer().encode(text + answer.strip() + "."),
          model.tokenizer().encode(text + other.strip() + "."));
    }
  }

  /** The streams of the last tokens of a pair, [layers][d]. */
  private static final class Streams {
    final float[][] right;
    final float[][] wrong;

    Streams(float[][] right, float[][] wrong) {
      this.right = right;
      this.wrong = wrong;
    }

    Streams exchanged() {
      return new Streams(/* right= */ wrong, /* wrong= */ right);
    }
  }

  public TruthDirections {
    accuracy = List.copyOf(accuracy);
    control = List.copyOf(control);
    directions = directions.stream().map(List::copyOf).toList();
  }

  /**
   * Computes and judges the directions of all layers.
   *
   * @param folds number of parts, 2 or more; pair i belongs to part i mod folds
   * @param seed of the control
   * @throws InvalidInputException if there are fewer pairs than folds, or the model has several
   *     residual streams or does not support the tokens
   */
  public static TruthDirections of(Lens lens, List<Pair> pairs, int folds, long seed) {
    Preconditions.requireOneStream(lens.model(), "directions of truth");
    Preconditions.requireRange("folds", folds, 2, Integer.MAX_VALUE);
    Preconditions.require(
        pairs.size() >= folds, "pairs", pairs.size(), "must be at least the folds, " + folds);
    List<Streams> streams = new ArrayList<>();
    for (Pair pair : pairs) {
      Interruption.check();
      streams.add(new Streams(last(lens, pair.right), last(lens, pair.wrong)));
    }
    var random = new SplitMix64(seed);
    List<List<Streams>> draws = new ArrayList<>();
    for (int draw = 0; draw < DRAWS; draw++) {
      draws.add(streams.stream().map(pair -> random.next() < 0 ? pair.exchanged() : pair).toList());
    }
    int layers = lens.model().architecture().layers();
    List<Estimate> accuracy = new ArrayList<>();
    List<Estimate> control = new ArrayList<>();
    List<List<Float>> directions = new ArrayList<>();
    for (int l = 0; l < layers; l++) {
      int layer = l;
      accuracy.add(Estimate.of(judge(streams, streams, folds, l)));
      List<double[]> judged =
          draws.stream().map(draw -> judge(draw, streams, folds, layer)).toList();
      var means = new double[pairs.size()];
      Arrays.setAll(means, i -> judged.stream().mapToDouble(d -> d[i]).average().orElseThrow());
      control.add(Estimate.of(means));
      directions.add(list(Direction.of(streams, l, -1, folds).vector));
    }
    return new TruthDirections(accuracy, control, directions);
  }

  private static float[][] last(Lens lens, int[] tokens) {
    int layers = lens.model().architecture().layers();
    Capture streams = Capture.of("blocks.*.hook_resid_post").last(1);
    try (ActivationCache cache = lens.run(tokens, streams)) {
      return IntStream.range(0, layers)
          .mapToObj(l -> cache.get(HookSite.RESID_POST, l).row(0))
          .toArray(float[][]::new);
    }
  }

  private static List<Float> list(float[] vector) {
    return IntStream.range(0, vector.length).mapToObj(i -> vector[i]).toList();
  }

  /** A direction, and the product with it above which a statement counts as true. */
  private static final class Direction {
    final float[] vector;
    final double threshold;

    Direction(float[] vector, double threshold) {
      this.vector = vector;
      this.threshold = threshold;
    }

    /**
     * Returns the direction of pairs.
     *
     * @param without the fold that is left out, or −1
     */
    static Direction of(List<Streams> pairs, int layer, int without, int folds) {
      var right = new RowMean();
      var wrong = new RowMean();
      for (int i = 0; i < pairs.size(); i++) {
        if (i % folds != without) {
          right.add(pairs.get(i).right[layer]);
          wrong.add(pairs.get(i).wrong[layer]);
        }
      }
      float[] vector = Vectors.minus(right.mean(), wrong.mean());
      double sum = Vectors.dot(vector, right.mean()) + Vectors.dot(vector, wrong.mean());
      return new Direction(vector, sum / 2);
    }

    boolean isTrue(float[] stream) {
      return Vectors.dot(vector, stream) > threshold;
    }
  }

  /** Returns the share of right judgments of each pair's two statements: 0, ½ or 1. */
  private static double[] judge(List<Streams> training, List<Streams> all, int folds, int layer) {
    Direction[] without =
        IntStream.range(0, folds)
            .mapToObj(fold -> Direction.of(training, layer, fold, folds))
            .toArray(Direction[]::new);
    var right = new double[all.size()];
    Arrays.setAll(
        right,
        i -> {
          Direction direction = without[i % folds];
          double known = direction.isTrue(all.get(i).right[layer]) ? 0.5 : 0;
          return direction.isTrue(all.get(i).wrong[layer]) ? known : known + 0.5;
        });
    return right;
  }
}
