package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.decode.sae.MatchingPursuit.Selected;
import dev.vidrio.lens.decode.sae.train.ActiveFeatures;
import dev.vidrio.lens.decode.sae.train.FeatureGradients;
import dev.vidrio.lens.decode.sae.train.FeatureGradients.Part;
import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.decode.sae.train.TokenRows;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Matching pursuit by the decoder, which is the encoder too (Costa et al. 2025, arXiv 2506.03093):
 * {@code ‖z − ẑ‖²} alone, with the gradient through all residuals.
 *
 * <p>Let step t select d_t, with the value {@code v_t = r_{t−1} · d_t} and the residual {@code r_t
 * = r_{t−1} − v_t d_t}; r_0 is the input, and r_T = z − ẑ. With {@code g_T = 2 r_T}, {@code s_t =
 * −g_t · d_t} and {@code g_{t−1} = g_t + s_t d_t}, the gradient of d_t is {@code s_t r_{t−1} − v_t
 * g_t}. It is a sum of three parts: {@code s_t r_0} and {@code −2 v_t r_T}, as in other kinds, and
 * {@code −Σ_{j<t} s_t v_j d_j − Σ_{j>t} v_t s_j d_j}.
 */
final class MatchingPursuitLoss implements SaeLoss {
  private final FeatureWeights features;
  private final MatchingPursuit pursuit;

  /**
   * Describes the losses of features.
   *
   * @param features with one matrix as encoder and decoder
   */
  MatchingPursuitLoss(FeatureWeights features, MatchingPursuit pursuit) {
    this.features = features;
    this.pursuit = pursuit;
  }

  @Override
  public SaeStep step(float[][] inputs, float[][] outputs, float[] outputBias, double strength) {
    features.beginStep();
    List<Selected> selected =
        pursuit.run(Vectors.copy(inputs), features.decoder(), features::furtherProducts);
    ActiveFeatures active = features.counted(active(selected));
    float[][] errors = features.errors(active, outputBias, outputs);
    float factor = 2f / inputs.length;
    float[][] slopes = slopes(selected, errors, factor);
    var inOrder = new float[active.size()];
    active.forEach(
        (f, i) -> {
          int token = active.token(i);
          inOrder[i] = sum(f, selected.get(token), slopes[token]);
        });
    var part = new Part(active, TokenRows.common(errors), factor, inOrder, null, false);
    var gradients = new FeatureGradients(features, inputs, List.of(part));
    active.forEach(
        (f, i) -> {
          int token = active.token(i);
          addSteps(gradients.decoder(f), f, selected.get(token), slopes[token]);
        });
    IntStream.range(0, features.features()).parallel().forEach(f -> join(gradients, f));
    return new SaeStep(active, errors, errors, gradients);
  }

  /** Returns the features that each token selected, ascending, with the sums of their values. */
  private ActiveFeatures active(List<Selected> selected) {
    var ids = new int[selected.size()][];
    var sums = new float[selected.size()][];
    for (int b = 0; b < ids.length; b++) {
      Selected own = selected.get(b);
      float[] values = own.values();
      ids[b] = IntStream.range(0, own.count()).map(own::feature).sorted().distinct().toArray();
      sums[b] = new float[ids[b].length];
      for (int i = 0; i < ids[b].length; i++) {
        sums[b][i] = sum(ids[b][i], own, values);
      }
    }
    return new ActiveFeatures(features.features(), ids, sums);
  }

  /** Returns the sum of numbers of those steps that selected a feature. */
  private static float sum(int feature, Selected selected, float[] ofSteps) {
    float sum = 0;
    for (int t = 0; t < ofSteps.length; t++) {
      sum += selected.feature(t) == feature ? ofSteps[t] : 0;
    }
    return sum;
  }

  /**
   * Returns s of the steps, [batch][steps].
   *
   * @param errors −r_T, [batch][d]
   */
  private float[][] slopes(List<Selected> selected, float[][] errors, float factor) {
    var slopes = new float[errors.length][];
    IntStream.range(0, errors.length)
        .parallel()
        .forEach(
            b -> {
              Selected own = selected.get(b);
              slopes[b] = new float[own.count()];
              float[] gradient = errors[b].clone();
              Vectors.scale(gradient, -factor);
              for (int t = own.count() - 1; t >= 0; t--) {
                float[] direction = features.decoder()[own.feature(t)];
                slopes[b][t] = (float) -Vectors.dot(gradient, direction);
                Vectors.add(gradient, slopes[b][t], direction);
              }
            });
    return slopes;
  }

  /** Adds the third part of the gradient of a feature, through the other steps of a token. */
  private void addSteps(float[] gradient, int feature, Selected selected, float[] slopes) {
    for (int t = 0; t < slopes.length; t++) {
      for (int j = 0; selected.feature(t) == feature && j < slopes.length; j++) {
        float product =
            j < t ? slopes[t] * selected.value(j) : j > t ? slopes[j] * selected.value(t) : 0;
        Vectors.add(gradient, -product, features.decoder()[selected.feature(j)]);
      }
    }
  }

  /** Moves the gradient of the encoder of a feature to its decoder. */
  private static void join(FeatureGradients gradients, int feature) {
    Vectors.add(gradients.decoder(feature), gradients.encoder(feature));
    Arrays.fill(gradients.encoder(feature), 0);
  }
}
