package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.decode.sae.train.ActiveFeatures;
import dev.vidrio.lens.decode.sae.train.BatchThreshold;
import dev.vidrio.lens.decode.sae.train.FeatureGradients;
import dev.vidrio.lens.decode.sae.train.FeatureGradients.Part;
import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.decode.sae.train.TokenRows;
import dev.vidrio.lens.decode.sae.train.TrainingState;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The largest values times the norms of their decoders: of each token (TopK, Gao et al. 2024, arXiv
 * 2406.04093), of each token and of either sign (AbsTopK, Zhu et al. 2025, arXiv 2510.00404), of a
 * batch (BatchTopK, Bussmann et al. 2024, arXiv 2412.06410), or of a batch with losses of prefixes
 * of the features in addition (Matryoshka, Bussmann et al. 2025, arXiv 2503.17547).
 */
final class TopKLoss implements SaeLoss {
  /** Returns the active features for pre-activations and strengths, each [batch][F]. */
  @FunctionalInterface
  private interface Selection {
    ActiveFeatures of(float[][] pre, float[][] strengths);
  }

  private final FeatureWeights features;

  private final Selection selection;

  /** True if values of either sign rank by their magnitudes. */
  private final boolean signed;

  /** Numbers of features of prefixes, ascending; the last is that of all. */
  private final int[] widths;

  /** The index of the first prefix that has a feature. */
  private final int[] prefixes;

  private final AuxiliaryLoss auxiliary;

  private TopKLoss(
      FeatureWeights features,
      Selection selection,
      boolean signed,
      int[] widths,
      AuxiliaryLoss auxiliary) {
    this.features = features;
    this.selection = selection;
    this.signed = signed;
    this.widths = widths;
    this.auxiliary = auxiliary;
    this.prefixes = new int[features.features()];
    for (int f = 0, p = 0; f < prefixes.length; f++) {
      p += f == widths[p] ? 1 : 0;
      prefixes[f] = p;
    }
  }

  /**
   * Keeps k features of each token.
   *
   * @param signed whether values of either sign rank by their magnitudes, or only positive ones
   */
  static TopKLoss ofTokens(
      FeatureWeights features, int k, boolean signed, AuxiliaryLoss auxiliary) {
    int[] all = {features.features()};
    return new TopKLoss(
        features, (pre, strengths) -> features.largest(pre, strengths, k), signed, all, auxiliary);
  }

  /**
   * Keeps k times as many features of a batch as it has tokens.
   *
   * @param widths numbers of features of prefixes that have a loss of their own, ascending; all
   *     features are one in any case
   * @param state receives the thresholds of steps
   */
  static TopKLoss ofBatch(
      FeatureWeights features,
      int k,
      List<Integer> widths,
      AuxiliaryLoss auxiliary,
      TrainingState state) {
    Selection selection =
        (pre, strengths) -> {
          float least = BatchThreshold.of(strengths, (long) k * pre.length);
          // If all positive ones are active, their smallest is the threshold.
          double threshold = least > 0 ? least : leastPositive(strengths);
          if (Double.isFinite(threshold)) {
            state.addThreshold(threshold);
          }
          return features.active(pre, least);
        };
    int all = features.features();
    int[] prefixes =
        IntStream.concat(
                widths.stream().mapToInt(Integer::intValue).filter(width -> width < all),
                IntStream.of(all))
            .toArray();
    return new TopKLoss(features, selection, false, prefixes, auxiliary);
  }

  private static double leastPositive(float[][] rows) {
    double least = Double.POSITIVE_INFINITY;
    for (float[] row : rows) {
      for (float value : row) {
        least = value > 0 ? Math.min(least, value) : least;
      }
    }
    return least;
  }

  @Override
  public SaeStep step(float[][] inputs, float[][] outputs, float[] outputBias, double strength) {
    int[] dead = auxiliary.dead();
    float[][] pre = features.preActivations(inputs);
    float[][] strengths = features.strengths(pre);
    if (signed) {
      Arrays.setAll(strengths, t -> Vectors.magnitudes(strengths[t]));
    }
    ActiveFeatures active = selection.of(pre, strengths);
    float[][][] errors = errors(active, outputBias, outputs);
    float[][] last = errors[widths.length - 1];
    float[][][] sums = sums(errors);
    float factor = 2f / inputs.length;
    List<Part> parts = new ArrayList<>();
    parts.add(
        Part.ofErrors(features, active, TokenRows.ofFeatures(f -> sums[prefixes[f]]), factor));
    auxiliary.addTo(parts, dead, strengths, pre, last);
    return new SaeStep(active, last, sums[0], new FeatureGradients(features, inputs, parts));
  }

  /** Returns the errors of each prefix, [prefixes][batch][d_out]. */
  private float[][][] errors(ActiveFeatures active, float[] outputBias, float[][] outputs) {
    var errors = new float[widths.length][outputs.length][];
    IntStream.range(0, outputs.length)
        .parallel()
        .forEach(
            b -> {
              float[] sum = Vectors.minus(outputBias, outputs[b]);
              for (int p = 0, begin = 0; p < widths.length; begin = widths[p++]) {
                active.addTo(b, features.decoder(), begin, widths[p], sum);
                errors[p][b] = sum.clone();
              }
            });
    return errors;
  }

  /** Returns the sums of the errors of each prefix and those that include it. */
  private static float[][][] sums(float[][][] errors) {
    float[][][] sums = errors.clone();
    for (int p = sums.length - 2; p >= 0; p--) {
      sums[p] = Vectors.sum(errors[p], sums[p + 1]);
    }
    return sums;
  }
}
