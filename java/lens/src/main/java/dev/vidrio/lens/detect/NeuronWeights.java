package dev.vidrio.lens.detect;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.component.LogitProjection;
import dev.vidrio.lens.component.NeuronOutputs;
import dev.vidrio.lens.decode.FeedForwardMatrices;
import dev.vidrio.lens.decode.FeedForwardMatrices.Matrix;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The function of a feed-forward neuron by its weights alone: what it does to the prediction
 * (Gurnee et al. 2024, arXiv 2401.12181) and to the residual stream that it reads.
 *
 * <p>Moments are those of the direct effect on the logits over the vocabulary, {@code ŵ_out · (γ ⊙
 * W_U)}, where ŵ_out has a norm of 1, without the divisor of the final norm. A high kurtosis with a
 * positive skewness is a <i>prediction</i> neuron, which raises few tokens, and with a negative one
 * a <i>suppression</i> neuron, which lowers few; a high variance is a <i>partition</i> neuron,
 * which raises one large set of tokens and lowers another.
 *
 * @param layer from 0
 * @param neuron from 0
 * @param norm ‖w_out‖₂
 * @param variance of the effect on the logits
 * @param skewness of the effect on the logits; NaN if it is constant
 * @param kurtosis of the effect on the logits, 3 for a normal distribution; NaN if it is constant
 * @param nullFraction the fraction of ‖w_out‖ in the effective null space of the unembedding, the
 *     directions with its smallest singular values: high for entropy neurons, which change the
 *     divisor of the final norm and so the confidence, but hardly a logit (Stolfo et al. 2024,
 *     arXiv 2406.16254)
 * @param inCosine cosine of w_in and w_out: near −1 for neurons that remove what they read from the
 *     stream (memory management). In a gated block, w_in is that of the linear factor, and a neuron
 *     with a positive gate removes
 * @param gateCosine cosine of w_gate and w_out; NaN without a gate
 * @see "docs/lens/corpus.md"
 */
public record NeuronWeights(
    int layer,
    int neuron,
    double norm,
    double variance,
    double skewness,
    double kurtosis,
    double nullFraction,
    double inCosine,
    double gateCosine) {
  /** Returns the name, such as {@code L3.N250}. */
  public String name() {
    return "L" + layer + ".N" + neuron;
  }

  /**
   * Returns the number of dimensions of the effective null space for a width: 12 for the 768 of
   * GPT-2 small, as Stolfo et al. have it, and in proportion for others.
   */
  public static int nullDimensions(int width) {
    return Math.max(1, width / 64);
  }

  /** Scores all neurons, with {@link #nullDimensions(int)} dimensions of the null space. */
  public static List<NeuronWeights> of(Lens lens) {
    return of(lens, nullDimensions(lens.model().architecture().width()));
  }

  /**
   * Scores the neurons of all layers with one feed-forward block.
   *
   * @param dimensions of the null space, 1 to d − 1
   * @return by layer and neuron
   * @throws InvalidInputException if the model does not have such a layer, or has several residual
   *     streams
   */
  public static List<NeuronWeights> of(Lens lens, int dimensions) {
    int d = lens.model().architecture().width();
    Preconditions.requireRange("null dimensions", dimensions, 1, d - 1);
    List<Integer> layers = layers(lens);
    Preconditions.require(
        !layers.isEmpty(), "neurons", "", "the model has no layer with one feed-forward block");
    List<NeuronWeights> all = new ArrayList<>();
    try (var projection = new LogitProjection(lens.model())) {
      var geometry = UnembeddingGeometry.of(lens.model(), dimensions);
      layers.forEach(layer -> all.addAll(layer(lens, layer, projection, geometry)));
    }
    return List.copyOf(all);
  }

  /** Returns the layers that have one feed-forward block. */
  static List<Integer> layers(Lens lens) {
    HookMap hooks = HookMap.of(lens.model());
    return IntStream.range(0, lens.model().architecture().layers())
        .filter(l -> hasNeurons(hooks, l))
        .boxed()
        .toList();
  }

  /** Returns whether a layer has neurons that are the same for all tokens: no experts. */
  static boolean hasNeurons(HookMap hooks, int layer) {
    return hooks.has(new HookPoint(HookSite.PRE, layer))
        && hooks.has(new HookPoint(HookSite.POST, layer))
        && !hooks.has(new HookPoint(HookSite.EXPERT_INDICES, layer));
  }

  private static List<NeuronWeights> layer(
      Lens lens, int layer, LogitProjection projection, UnembeddingGeometry geometry) {
    var matrices = FeedForwardMatrices.of(lens, layer);
    float[][] out = NeuronOutputs.directions(lens, layer);
    float[][] in = matrices.vectors(Matrix.IN);
    float[][] gate = matrices.gated() ? matrices.vectors(Matrix.GATE) : new float[0][];
    float[][] units =
        Arrays.stream(out)
            .map(w -> projection.normalized(w.clone(), Vectors.norm(w)))
            .toArray(float[][]::new);
    var powers = new double[out.length][4];
    projection.logits(units, (u, first, count, logits) -> add(powers[u], logits, count));
    return IntStream.range(0, out.length)
        .parallel()
        .mapToObj(
            u -> {
              double[] sums = powers[u];
              Moments moments =
                  Moments.of(projection.vocabulary(), sums[0], sums[1], sums[2], sums[3]);
              return new NeuronWeights(
                  layer,
                  u,
                  Vectors.norm(out[u]),
                  moments.deviation() * moments.deviation(),
                  moments.skewness(),
                  moments.kurtosis(),
                  geometry.fraction(out[u]),
                  Vectors.cosine(in[u], out[u]),
                  gate.length == 0 ? Double.NaN : Vectors.cosine(gate[u], out[u]));
            })
        .toList();
  }

  /** Adds powers 1 to 4 of logits. */
  private static void add(double[] powers, float[] logits, int count) {
    double first = 0;
    double second = 0;
    double third = 0;
    double fourth = 0;
    for (int v = 0; v < count; v++) {
      double x = logits[v];
      double square = x * x;
      first += x;
      second += square;
      third += square * x;
      fourth += square * square;
    }
    powers[0] += first;
    powers[1] += second;
    powers[2] += third;
    powers[3] += fourth;
  }
}
