package dev.vidrio.lens.intervene;

import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.lens.plan.Inputs;
import dev.vidrio.model.InvalidInputException;
import java.util.ArrayList;
import java.util.List;

/**
 * Activation patching (Vig et al. 2020, arXiv 2004.12265; Wang et al. 2023, arXiv 2211.00593;
 * methods compared by Zhang and Nanda 2024, arXiv 2309.16042): two runs of equal length, and for
 * each component a third one, which takes that component's activation from the other run. Scores
 * are {@code (LD − LD_corr) / (LD_clean − LD_corr)}, LD the difference of the logits of the right
 * and the wrong answer after the last token: 1 is the clean run's, 0 the corrupted one's.
 *
 * {@snippet file="LensExamplesTest.java" region="patching"}
 *
 * @param clean logit difference of the clean run
 * @param corrupted logit difference of the corrupted run
 * @param rows labels: layers, or heads as {@code L3.H7}
 * @param columns labels: positions, or heads of a layer
 * @param scores [rows][columns]
 */
public record ActivationPatching(
    Site site,
    Direction direction,
    double clean,
    double corrupted,
    List<String> rows,
    List<String> columns,
    List<List<Double>> scores) {

  /** Which components are patched. */
  public enum Site {
    /** What a block reads, by layer and position. */
    RESID_PRE(HookSite.RESID_PRE),
    /** By layer and position. */
    ATTN_OUT(HookSite.ATTN_OUT),
    /** By layer and position. */
    MLP_OUT(HookSite.MLP_OUT),
    /** The outputs of a head at all positions, by layer and head. */
    HEAD(HookSite.Z),
    /** The output of a head at a position. */
    HEAD_BY_POSITION(HookSite.Z);

    private final HookSite hook;

    Site(HookSite hook) {
      this.hook = hook;
    }

    HookSite hook() {
      return hook;
    }
  }

  /** Which run is patched from which. */
  public enum Direction {
    /** The corrupted run from the clean one: what is enough to restore the answer. */
    DENOISING,
    /** The clean run from the corrupted one: what is needed for the answer. */
    NOISING
  }

  public ActivationPatching {
    rows = List.copyOf(rows);
    columns = List.copyOf(columns);
    scores = scores.stream().map(List::copyOf).toList();
  }

  /**
   * Patches every component of a kind.
   *
   * @param clean tokens of the text that has the answer
   * @param corrupted as many tokens of one that has it not
   * @param answer the right next token of the clean text
   * @param wrong another
   * @throws InvalidInputException when the texts differ in length or do not differ in their logit
   *     difference, or the model does not know a token
   */
  public static ActivationPatching of(
      Lens lens,
      int[] clean,
      int[] corrupted,
      int answer,
      int wrong,
      Site site,
      Direction direction) {
    Inputs.requirePair(lens.model(), clean, corrupted, answer, wrong);
    boolean denoising = direction == Direction.DENOISING;
    int[] source = denoising ? clean : corrupted;
    int[] patched = denoising ? corrupted : clean;
    Metric metric = Metric.logitDifference(answer, wrong);
    double there = metric.of(lens, source);
    try (ActivationCache cache = lens.run(source, Capture.of("blocks.*." + site.hook.suffix()))) {
      PatchGrid grid = PatchGrid.of(lens, site, clean.length);
      List<List<Edit>> variants = new ArrayList<>();
      grid.places().forEach(p -> variants.add(List.of(p.part(Edit.patch(cache, p.point())))));
      variants.add(List.of());
      List<Double> values = Sweep.run(lens, patched, List.of(), variants, metric);
      double here = values.getLast();
      return of(grid, values, site, direction, denoising ? there : here, denoising ? here : there);
    }
  }

  /**
   * The results for a table of components.
   *
   * @param values the logit difference of each
   */
  static ActivationPatching of(
      PatchGrid grid,
      List<Double> values,
      Site site,
      Direction direction,
      double clean,
      double corrupted) {
    requireDifferent(clean, corrupted);
    List<Double> scores = values.stream().map(value -> score(value, clean, corrupted)).toList();
    return new ActivationPatching(
        site,
        direction,
        clean,
        corrupted,
        grid.rows(),
        grid.columns(),
        PatchGrid.table(scores, grid.rows().size(), grid.columns().size()));
  }

  /** Checks that the logit differences of two runs span a scale. */
  static void requireDifferent(double clean, double corrupted) {
    if (clean == corrupted) {
      throw new InvalidInputException(
          "corrupted text", "", "has the logit difference of the clean one, " + clean);
    }
  }

  /** Where a logit difference lies between those of two runs. */
  static double score(double value, double clean, double corrupted) {
    // 0 rather than −0, where the numerator is 0.
    return (value - corrupted) / (clean - corrupted) + 0.0;
  }
}
