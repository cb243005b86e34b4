package dev.vidrio.lens.attribute;

import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.component.TokenContributions;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * The share of each earlier token in a token's state, layer by layer and rolled out through all
 * layers. The output of attention plus the residual stream is a sum over tokens, {@code x̃_i = Σ_j
 * T_i(x_j)} with {@code T_i(x_j) = Σ_h a_ij x_j W_OV + δ_ij x_i}; feed-forward blocks do not mix
 * tokens.
 *
 * <p>Of a changed model, norms and ALTI measure what the interventions of the lens leave of {@code
 * T_i(x_j)}; value zeroing does not support interventions, and rollout reads patterns alone.
 *
 * @see "docs/lens/attribution.md"
 */
public final class ContextMixing {
  /** A measure of the share of token j in token i. The shares of a token add up to 1. */
  public enum Measure {
    /**
     * ½ (A + I), where A is the mean pattern of the heads: attention rollout (Abnar and Zuidema
     * 2020, arXiv 2005.00928).
     */
    ATTENTION,
    /**
     * ‖T_i(x_j)‖₂ over their sum: norms of value-weighted vectors, with the residual stream
     * (Kobayashi et al. 2020, arXiv 2004.10102; 2021, arXiv 2109.07152).
     */
    NORM,
    /**
     * The reduction of the distance to the sum by {@code T_i(x_j)}: max(0, ‖x̃_i‖₁ − ‖x̃_i −
     * T_i(x_j)‖₁) over their sum: ALTI (Ferrando et al. 2022, arXiv 2203.04212).
     */
    ALTI,
    /**
     * The distance, 1 − cos, of the state after the block without the values of token j, over the
     * sum of distances: value zeroing (Mohebbi et al. 2023, arXiv 2301.12971).
     */
    VALUE_ZEROING
  }

  private final int tokens;
  private final double[][][] layers;
  private final double[][][] rolledOut;

  /**
   * Combines layers.
   *
   * @param layers the shares of each, [layer][i][j]
   */
  ContextMixing(int tokens, double[][][] layers) {
    this.tokens = tokens;
    this.layers = layers;
    this.rolledOut = new double[layers.length][][];
    for (int l = 0; l < layers.length; l++) {
      rolledOut[l] = l == 0 ? layers[0] : product(layers[l], rolledOut[l - 1]);
    }
  }

  /**
   * Measures the mixing of a text.
   *
   * @throws dev.vidrio.error.InvalidInputException if a layer has no attention or several streams,
   *     or an intervention is not linear in the contributions of tokens
   */
  public static ContextMixing of(Lens lens, int[] tokens, Measure measure) {
    Preconditions.requireAttention(lens.model(), "mixing of tokens");
    Preconditions.requireOneStream(lens.model(), "mixing of tokens");
    int layers = lens.model().architecture().layers();
    var mixing = new double[layers][][];
    String hooks =
        switch (measure) {
          case ATTENTION -> "*.hook_pattern";
          case NORM, ALTI -> TokenContributions.HOOKS;
          case VALUE_ZEROING -> "*.hook_resid_pre, *.hook_resid_post";
        };
    try (ActivationCache cache = lens.run(tokens, Capture.of(hooks))) {
      if (measure == Measure.VALUE_ZEROING) {
        lens.requireUnedited("value zeroing");
        try (var zeroing = new ValueZeroing(lens, tokens)) {
          Arrays.setAll(mixing, l -> normalized(zeroing.distances(cache, l)));
        }
      } else {
        HookMap map = HookMap.of(lens.model());
        for (int l = 0; l < layers; l++) {
          mixing[l] =
              measure == Measure.ATTENTION
                  ? attention(cache, l)
                  : normalized(measures(new TokenContributions(lens, map, cache, l), measure));
        }
      }
    }
    return new ContextMixing(tokens.length, mixing);
  }

  /** Returns the size of T_i(x_j), [i][j]. */
  private static double[][] measures(TokenContributions contributions, Measure measure) {
    var measures = new double[contributions.tokens()][contributions.tokens()];
    IntStream.range(0, measures.length)
        .parallel()
        .forEach(i -> measure(measures[i], contributions, i, measure));
    return measures;
  }

  private static void measure(
      double[] measures, TokenContributions contributions, int i, Measure measure) {
    float[][] parts = contributions.ofAttention(i);
    float[] sum = contributions.stream(i);
    Vectors.add(parts[i], sum);
    Vectors.add(sum, contributions.attention(i));
    for (int j = 0; j <= i; j++) {
      measures[j] =
          measure == Measure.NORM
              ? Vectors.norm(parts[j])
              : Math.max(0, Vectors.norm1(sum) - Vectors.norm1(Vectors.minus(sum, parts[j])));
    }
  }

  /** Divides each row by its sum; a token with a row of zeros has all of its own share. */
  private static double[][] normalized(double[][] measures) {
    for (int i = 0; i < measures.length; i++) {
      double sum = Arrays.stream(measures[i]).sum();
      for (int j = 0; j <= i; j++) {
        measures[i][j] = sum == 0 ? (j == i ? 1 : 0) : measures[i][j] / sum;
      }
    }
    return measures;
  }

  /** Returns the number of tokens. */
  public int tokens() {
    return tokens;
  }

  /** Returns L, the number of layers. */
  public int layers() {
    return layers.length;
  }

  /** Returns the share of token j, before a layer, in token i after its attention. */
  public double share(int layer, int i, int j) {
    return layers[layer][Objects.checkIndex(i, tokens)][Objects.checkIndex(j, tokens)];
  }

  /**
   * Returns the share of input token j in token i after a layer: the product of the layers up to
   * it. {@link AttentionFlow} combines layers by maximum flow instead.
   */
  public double rolledOut(int layer, int i, int j) {
    return rolledOut[layer][Objects.checkIndex(i, tokens)][Objects.checkIndex(j, tokens)];
  }

  private static double[][] product(double[][] a, double[][] b) {
    var product = new double[a.length][a.length];
    for (int i = 0; i < a.length; i++) {
      for (int k = 0; k <= i; k++) {
        for (int j = 0; j <= k; j++) {
          product[i][j] += a[i][k] * b[k][j];
        }
      }
    }
    return product;
  }

  /**
   * Returns ½ (A + I); the weight of attention sinks outside the text is added to the token's own.
   */
  private static double[][] attention(ActivationCache cache, int layer) {
    Activation pattern = cache.get(HookSite.PATTERN, layer);
    int heads = pattern.shape().getFirst();
    int n = cache.rows();
    var mixing = new double[n][n];
    for (int i = 0; i < n; i++) {
      double others = 0;
      for (int j = 0; j < i; j++) {
        for (int h = 0; h < heads; h++) {
          mixing[i][j] += pattern.at(h, i, j) / 2.0 / heads;
        }
        others += mixing[i][j];
      }
      mixing[i][i] = 1 - others;
    }
    return mixing;
  }
}
