package dev.vidrio.lens.intervene;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * Activation patching (Vig et al. 2020, arXiv 2004.12265; Wang et al. 2023, arXiv 2211.00593;
 * methods compared by Zhang and Nanda 2024, arXiv 2309.16042): which components carry the
 * information that distinguishes two texts? Runs a clean and a corrupted text of equal length and,
 * for each component, a third run that takes the activation of this component from the other one.
 * Scores are {@code (LD − LD_corr) / (LD_clean − LD_corr)}, where LD is the difference of the
 * logits of the correct and the wrong answer after the last token, or another metric: 1 is the
 * clean run, 0 the corrupted one. Before the first token in which the texts differ, their
 * activations are equal, and nothing runs. With several pairs of texts, LD is the mean, and a score
 * has a 95 % interval: that of a ratio of means, to first order.
 *
 * {@snippet file="LensExamplesTest.java" region="patching"}
 *
 * <p>Methods are thread-safe; to cancel, interrupt the thread.
 *
 * @param clean metric of the clean run
 * @param corrupted metric of the corrupted run
 * @param rows labels: layers, or heads as {@code L3.H7}
 * @param columns labels: positions, or heads of a layer
 * @param scores [rows][columns]
 * @param halfWidths half the widths of the scores' 95 % intervals, [rows][columns]; NaN for a
 *     single pair, and for {@link AtpStar}
 * @see AttributionPatching
 * @see "docs/lens/interventions.md"
 */
public record ActivationPatching(
    Site site,
    Direction direction,
    double clean,
    double corrupted,
    List<String> rows,
    List<String> columns,
    List<List<Double>> scores,
    List<List<Double>> halfWidths) {

  /** The components to patch. */
  public enum Site {
    /** The input of a block, by layer and position. */
    RESID_PRE(HookSite.RESID_PRE, Parts.POSITIONS),
    /** The residual stream between attention and the feed-forward block, by layer and position. */
    RESID_MID(HookSite.RESID_MID, Parts.POSITIONS),
    /** The output of attention, by layer and position. */
    ATTN_OUT(HookSite.ATTN_OUT, Parts.POSITIONS),
    /** The output of the feed-forward block, by layer and position. */
    MLP_OUT(HookSite.MLP_OUT, Parts.POSITIONS),
    /** The output of a head at all positions, by layer and head. */
    HEAD(HookSite.Z, Parts.HEADS),
    /** The queries of a head at all positions. */
    Q(HookSite.Q, Parts.HEADS),
    /** The keys of a head, or of the heads that share them, at all positions. */
    K(HookSite.K, Parts.HEADS),
    /** The values of a head, or of the heads that share them, at all positions. */
    V(HookSite.V, Parts.HEADS),
    /** The pattern of a head at all positions. */
    PATTERN(HookSite.PATTERN, Parts.HEADS),
    /** The output of a head at a position. */
    HEAD_BY_POSITION(HookSite.Z, Parts.HEADS_BY_POSITION);

    /** The parts of a layer's activation. */
    enum Parts {
      POSITIONS,
      HEADS,
      HEADS_BY_POSITION
    }

    final HookSite hook;
    final Parts parts;

    Site(HookSite hook, Parts parts) {
      this.hook = hook;
      this.parts = parts;
    }

    /** Returns whether scores are by position, so that texts must be of equal length. */
    public boolean byPosition() {
      return parts != Parts.HEADS;
    }
  }

  /** The run that is patched. */
  public enum Direction {
    /**
     * Patches the corrupted run from the clean one: which components suffice to restore the answer?
     */
    DENOISING,
    /**
     * Patches the clean run from the corrupted one: which components are necessary for the answer?
     */
    NOISING
  }

  public ActivationPatching {
    rows = List.copyOf(rows);
    columns = List.copyOf(columns);
    scores = scores.stream().map(List::copyOf).toList();
    halfWidths = halfWidths.stream().map(List::copyOf).toList();
  }

  /**
   * Patches every component of a kind.
   *
   * @throws InvalidInputException if the metric of both texts is equal, or the model has no such
   *     component
   */
  public static ActivationPatching of(Lens lens, TextPair pair, Site site, Direction direction) {
    return of(lens, List.of(pair), site, direction);
  }

  /**
   * Patches every component of a kind for several pairs of texts.
   *
   * @throws InvalidInputException also if there is no pair, or scores are by position and the pairs
   *     differ in length
   */
  public static ActivationPatching of(
      Lens lens, List<TextPair> pairs, Site site, Direction direction) {
    PatchGrid grid = grid(lens, pairs, site);
    var means = new Means(grid, pairs.size());
    for (TextPair pair : pairs) {
      Metric metric = pair.forwardMetric();
      double there = metric.of(lens, source(pair, direction));
      try (ActivationCache cache =
          lens.run(source(pair, direction), Capture.of("blocks.*." + site.hook.suffix()))) {
        int first = pair.commonPrefix();
        List<PatchGrid.Target> changed =
            grid.targets().stream().filter(target -> target.reaches(first)).toList();
        List<List<Intervention>> variants = new ArrayList<>();
        changed.forEach(p -> variants.add(List.of(p.part(Intervention.patch(cache, p.point())))));
        variants.add(List.of());
        List<Double> values =
            Sweep.run(lens, patched(pair, direction), List.of(), variants, metric);
        double here = values.getLast();
        Iterator<Double> next = values.iterator();
        List<Double> all =
            grid.targets().stream().map(p -> p.reaches(first) ? next.next() : here).toList();
        means.add(all, here, there);
      }
    }
    return means.scores(site, direction);
  }

  /** Returns the components, for pairs that fit them. */
  static PatchGrid grid(Lens lens, List<TextPair> pairs, Site site) {
    TextPair.requireFit(lens.model(), pairs);
    int length = pairs.getFirst().length();
    for (TextPair pair : pairs) {
      boolean fits = !site.byPosition() || pair.length() == length;
      String limit = "must be as long as the first, " + length + ", for scores by position";
      Preconditions.require(fits, "texts", pair.length() + " tokens", limit);
    }
    return PatchGrid.of(lens, site, length);
  }

  /** Returns the text that activations are taken from. */
  static int[] source(TextPair pair, Direction direction) {
    return direction == Direction.DENOISING ? pair.clean() : pair.corrupted();
  }

  /** Returns the text that is patched. */
  static int[] patched(TextPair pair, Direction direction) {
    return direction == Direction.DENOISING ? pair.corrupted() : pair.clean();
  }

  /** The mean metrics of a grid of components over pairs of texts. */
  static final class Means {
    private final PatchGrid grid;
    private final int pairs;
    private final double[] values;
    private final List<PatchedPair> added = new ArrayList<>();
    private double here;
    private double there;

    Means(PatchGrid grid, int pairs) {
      this.grid = grid;
      this.pairs = pairs;
      this.values = new double[grid.targets().size()];
    }

    /**
     * Adds the metrics of a pair.
     *
     * @param patched of the run with each component patched
     * @param plain of the run without patches
     * @param source of the run that activations are taken from
     */
    void add(List<Double> patched, double plain, double source) {
      added.add(new PatchedPair(List.copyOf(patched), plain, source));
      Arrays.setAll(values, i -> values[i] + patched.get(i) / pairs);
      here += plain / pairs;
      there += source / pairs;
    }

    ActivationPatching scores(Site site, Direction direction) {
      double clean = direction == Direction.DENOISING ? there : here;
      double corrupted = direction == Direction.DENOISING ? here : there;
      requireDifferent(clean, corrupted);
      List<Double> scores =
          Arrays.stream(values).mapToObj(value -> score(value, clean, corrupted)).toList();
      List<Double> halfWidths = new ArrayList<>();
      for (int i = 0; i < values.length; i++) {
        int cell = i;
        halfWidths.add(
            halfWidth(
                added,
                pair -> pair.patched.get(cell),
                direction == Direction.NOISING,
                scores.get(i)));
      }
      return new ActivationPatching(
          site,
          direction,
          clean,
          corrupted,
          grid.rows(),
          grid.columns(),
          PatchGrid.table(scores, grid.rows().size(), grid.columns().size()),
          PatchGrid.table(halfWidths, grid.rows().size(), grid.columns().size()));
    }
  }

  /**
   * The metrics of a pair.
   *
   * @param patched of the run with each component patched
   * @param plain of the run without patches
   * @param source of the run that activations are taken from
   */
  record PatchedPair(List<Double> patched, double plain, double source) {}

  /**
   * Returns half the width of the 95 % interval of a score, a ratio of means {@code s = Σ a / Σ b},
   * from the deviations {@code a − s b} of the pairs.
   *
   * @param value the metric of a pair with the component patched
   * @param noising whether the unpatched run is the clean one
   */
  static double halfWidth(
      List<PatchedPair> pairs, ToDoubleFunction<PatchedPair> value, boolean noising, double score) {
    double squares = 0;
    double sum = 0;
    for (PatchedPair pair : pairs) {
      double clean = noising ? pair.plain : pair.source;
      double corrupted = noising ? pair.source : pair.plain;
      double deviation = value.applyAsDouble(pair) - corrupted - score * (clean - corrupted);
      squares += deviation * deviation;
      sum += clean - corrupted;
    }
    return Estimate.halfWidth(squares, pairs.size()) / Math.abs(sum / pairs.size());
  }

  /** Checks that the metrics of two runs differ. */
  static void requireDifferent(double clean, double corrupted) {
    String limit = "metric equals that of the clean text, " + clean;
    Preconditions.require(clean != corrupted, "corrupted text", "", limit);
  }

  /** Returns the score of a metric between those of two runs. */
  static double score(double value, double clean, double corrupted) {
    // Returns 0 rather than −0 if the numerator is 0.
    return (value - corrupted) / (clean - corrupted) + 0.0;
  }
}
