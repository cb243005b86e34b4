package dev.vidrio.lens.detect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Unembedding;
import dev.vidrio.lens.component.LogitDirection;
import dev.vidrio.lens.component.NeuronOutputs;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Finds entropy, token-frequency and dead neurons (Stolfo et al. 2024, arXiv 2406.16254; Voita et
 * al. 2023, arXiv 2309.04827).
 *
 * @param tokens number of tokens of the texts
 * @param neurons by layer and neuron
 * @see "docs/lens/mechanisms.md"
 */
public record NeuronDetection(int tokens, List<NeuronScores> neurons) {
  /** Rows of a matrix that are dequantized at once. */
  private static final int ROWS = 256;

  public NeuronDetection {
    neurons = List.copyOf(neurons);
  }

  /**
   * Scores the neurons of some layers.
   *
   * @param texts tokens, a run each; activity at the first token of each is ignored
   * @param from the first layer
   * @param to the layer after the last one
   * @throws InvalidInputException if there is no text, a token is not in the vocabulary, or a layer
   *     has experts
   */
  public static NeuronDetection of(Lens lens, List<int[]> texts, int from, int to) {
    int tokens = texts.stream().mapToInt(text -> text.length - 1).sum();
    Preconditions.require(tokens >= 1, "text", tokens + " tokens", "must have at least 2 tokens");
    var vocabulary = new Vocabulary(lens.model(), texts);
    List<NeuronScores> neurons = new ArrayList<>();
    try (Unembedding unembedding = Unembedding.product(lens.model())) {
      for (int l = from; l < to; l++) {
        neurons.addAll(layer(lens, l, texts, tokens, vocabulary, unembedding));
      }
    }
    return new NeuronDetection(tokens, neurons);
  }

  /** Returns the neurons in descending order of a score. */
  public List<NeuronScores> ranked(ToDoubleFunction<NeuronScores> score) {
    return neurons.stream().sorted(Comparator.comparingDouble(score).reversed()).toList();
  }

  /** Statistics of the tokens of a vocabulary. */
  private static final class Vocabulary {
    /** The final norm of the model. */
    private final Op.Norm norm;

    /** ‖γ ⊙ W_U[:,v]‖₂. */
    private final double[] lengths;

    /** Logarithms of frequencies, minus their mean. */
    private final double[] frequencies;

    Vocabulary(Model model, List<int[]> texts) {
      List<Op> ops = model.architecture().plan().ops();
      this.norm = (Op.Norm) last(ops, Op.Norm.class);
      this.lengths = lengths(model, ((Op.MatMul) last(ops, Op.MatMul.class)).weights());
      this.frequencies = new double[lengths.length];
      Arrays.fill(frequencies, 1);
      texts.forEach(text -> Arrays.stream(text).forEach(token -> count(model, token)));
      Arrays.setAll(frequencies, v -> Math.log(frequencies[v]));
      double mean = Arrays.stream(frequencies).average().orElseThrow();
      Arrays.setAll(frequencies, v -> frequencies[v] - mean);
    }

    private void count(Model model, int token) {
      Preconditions.requireToken(model, token);
      frequencies[token]++;
    }

    private double[] lengths(Model model, Weights matrix) {
      @Nullable Weights gain = norm.gain();
      var lengths = new double[matrix.n()];
      try (RowPlan rows = LogitDirection.rows(model, matrix, ROWS)) {
        rows.each(
            matrix.n(),
            (v, row) -> {
              float[] column = row.toArray(JAVA_FLOAT);
              for (int j = 0; gain != null && j < column.length; j++) {
                column[j] *= gain.data().getAtIndex(JAVA_FLOAT, j);
              }
              lengths[v] = Vectors.norm(column);
            });
      }
      return lengths;
    }

    /** Returns the variance of the cosines of a residual stream and the columns of W_U. */
    double variance(float[] stream, float[] logits) {
      float[] centered = stream.clone();
      NormValues.center(norm, centered);
      double factor = NormValues.scale(norm, stream) / Vectors.norm(centered);
      double sum = 0;
      double squares = 0;
      for (int v = 0; v < logits.length; v++) {
        double cosine = factor * logits[v] / lengths[v];
        sum += cosine;
        squares += cosine * cosine;
      }
      double mean = sum / logits.length;
      return squares / logits.length - mean * mean;
    }

    /** Returns the correlation of logits and log-frequencies. */
    double correlation(float[] logits) {
      double mean = 0;
      for (float logit : logits) {
        mean += logit / logits.length;
      }
      double product = 0;
      double ofLogits = 0;
      double ofFrequencies = 0;
      for (int v = 0; v < logits.length; v++) {
        product += (logits[v] - mean) * frequencies[v];
        ofLogits += (logits[v] - mean) * (logits[v] - mean);
        ofFrequencies += frequencies[v] * frequencies[v];
      }
      return product / Math.sqrt(ofLogits * ofFrequencies);
    }

    private static Op last(List<Op> ops, Class<? extends Op> kind) {
      return ops.stream().filter(kind::isInstance).reduce((a, b) -> b).orElseThrow();
    }
  }

  private static List<NeuronScores> layer(
      Lens lens,
      int layer,
      List<int[]> texts,
      int tokens,
      Vocabulary vocabulary,
      Unembedding unembedding) {
    float[][] written = NeuronOutputs.directions(lens, layer);
    var active = new int[written.length];
    var greatest = new float[written.length];
    Arrays.fill(greatest, Float.NEGATIVE_INFINITY);
    texts.forEach(text -> activity(lens, layer, text, active, greatest));
    List<NeuronScores> neurons = new ArrayList<>();
    // The logits of a zero stream come from the final norm's bias.
    float[] none = unembedding.logits(new float[1][written[0].length])[0];
    unembedding.logits(
        written,
        (u, row) -> {
          float[] logits = Vectors.minus(row.toArray(JAVA_FLOAT), none);
          neurons.add(
              new NeuronScores(
                  layer,
                  u,
                  Vectors.norm(written[u]),
                  vocabulary.variance(written[u], logits),
                  vocabulary.correlation(logits),
                  active[u] / (double) tokens,
                  greatest[u]));
        });
    return neurons;
  }

  /** Counts the tokens at which a layer's neurons are active. */
  private static void activity(Lens lens, int layer, int[] text, int[] active, float[] greatest) {
    HookPoint pre = new HookPoint(HookSite.PRE, layer);
    Capture capture = Capture.of(pre.name()).positions(1, text.length);
    try (ActivationCache cache = lens.run(text, capture)) {
      for (float[] row : cache.get(pre).rows()) {
        for (int u = 0; u < row.length; u++) {
          active[u] += row[u] > 0 ? 1 : 0;
          greatest[u] = Math.max(greatest[u], row[u]);
        }
      }
    }
  }
}
