package dev.vidrio.lens.detect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.tokenizer.Tokenizer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Universal neurons (Gurnee et al. 2024, arXiv 2401.12181): which neurons of a layer does another
 * model have too? For each neuron, finds the neuron of the other model with the highest Pearson
 * correlation of their activations ({@code mlp.hook_post}) over a corpus. Neurons of models that
 * were trained from different seeds and correlate are likely to have a meaning; a high correlation
 * of models of one origin, such as before and after fine-tuning, shows what is unchanged.
 *
 * @param layer of the first model
 * @param tokens number of tokens: all but the first of each text
 * @param matches of each neuron of the layer, in order
 * @see "docs/lens/corpus.md"
 */
public record UniversalNeurons(int layer, long tokens, List<Match> matches) {
  /** Maximum bytes of sums. */
  private static final long BYTES = 1L << 30;

  /**
   * A neuron and the most similar one of the other model.
   *
   * @param layer of the other neuron
   * @param other the other neuron
   * @param correlation of their activations, at most 1; NaN if one is constant
   */
  public record Match(int neuron, int layer, int other, double correlation) {
    /** Returns the name of the other neuron, such as {@code L3.N250}. */
    public String otherName() {
      return "L" + layer + ".N" + other;
    }
  }

  public UniversalNeurons {
    matches = List.copyOf(matches);
  }

  /**
   * Runs texts in both models.
   *
   * @param texts tokens of each
   * @param layer of the first model
   * @throws dev.vidrio.error.InvalidInputException if the models have different tokens, the layer
   *     or the other model has no neurons, or sums need more than 1 GiB
   */
  public static UniversalNeurons of(Lens lens, Lens other, List<int[]> texts, int layer) {
    requireSameTokens(lens.model().tokenizer(), other.model().tokenizer());
    Preconditions.require(
        NeuronWeights.layers(lens).contains(layer),
        "layer",
        layer,
        "does not have one feed-forward block");
    List<Integer> layers = NeuronWeights.layers(other);
    Preconditions.require(
        !layers.isEmpty(), "other model", "", "has no layer with one feed-forward block");
    int longest = texts.stream().mapToInt(text -> text.length).max().orElse(0);
    Preconditions.require(longest >= 2, "text", longest + " tokens", "must have at least 2 tokens");
    int own = width(lens, layer);
    long all = layers.stream().mapToLong(l -> width(other, l)).sum();
    Preconditions.require(
        own * all <= BYTES / Double.BYTES,
        "neurons",
        own + " × " + all,
        "must be at most " + BYTES / Double.BYTES + " pairs, so that their sums fit into 1 GiB");
    try (var sums = new Sums(lens, other, layer, layers, own, longest - 1)) {
      texts.stream().filter(text -> text.length >= 2).forEach(sums::add);
      return sums.result();
    }
  }

  private static int width(Lens lens, int layer) {
    return HookMap.of(lens.model()).buffer(new HookPoint(HookSite.POST, layer)).width();
  }

  private static void requireSameTokens(Tokenizer a, Tokenizer b) {
    boolean same =
        a.vocabularySize() == b.vocabularySize()
            && IntStream.range(0, a.vocabularySize())
                .allMatch(id -> Arrays.equals(a.bytes(id), b.bytes(id)));
    Preconditions.require(
        same, "other model", "", "must have the tokens of the first, which the texts are made of");
  }

  /** Returns the matches in descending order of correlation; undefined ones are last. */
  public List<Match> ranked() {
    return matches.stream()
        .sorted(
            Comparator.comparingDouble(
                match -> Double.isNaN(match.correlation) ? 2 : -match.correlation))
        .toList();
  }

  /** Sums of activations, their squares and their products. */
  private static final class Sums implements AutoCloseable {
    private final Lens lens;
    private final Lens other;
    private final int layer;
    private final List<Integer> layers;
    private final int rows;
    private final MatrixProduct product;
    private final Marginal own;
    private final List<Marginal> others = new ArrayList<>();

    /** Sums of products with the neurons of each other layer, [other neurons][neurons]. */
    private final List<double[][]> products = new ArrayList<>();

    private long tokens;

    /** Sums of the activations and squares of the neurons of a layer. */
    private static final class Marginal {
      final double[] sums;
      final double[] squares;

      Marginal(int width) {
        this.sums = new double[width];
        this.squares = new double[width];
      }

      /** Adds activations, [neurons][tokens]. */
      void add(float[][] columns) {
        for (int u = 0; u < columns.length; u++) {
          for (float x : columns[u]) {
            sums[u] += x;
            squares[u] += (double) x * x;
          }
        }
      }

      double variance(int u, long n) {
        return squares[u] / n - sums[u] / n * (sums[u] / n);
      }
    }

    Sums(Lens lens, Lens other, int layer, List<Integer> layers, int width, int rows) {
      this.lens = lens;
      this.other = other;
      this.layer = layer;
      this.layers = layers;
      this.rows = rows;
      this.own = new Marginal(width);
      for (int l : layers) {
        int neurons = width(other, l);
        others.add(new Marginal(neurons));
        products.add(new double[neurons][width]);
      }
      this.product = new MatrixProduct(lens.model().executor(), width, rows, 256);
    }

    void add(int[] text) {
      String names =
          String.join(
              ",", layers.stream().map(l -> new HookPoint(HookSite.POST, l).name()).toList());
      String name = new HookPoint(HookSite.POST, layer).name();
      try (ActivationCache ours = lens.run(text, Capture.of(name));
          ActivationCache theirs = other.run(text, Capture.of(names))) {
        float[][] columns = columns(ours.get(HookSite.POST, layer).data(), text.length);
        own.add(columns);
        product.weights(columns);
        for (int l = 0; l < layers.size(); l++) {
          float[][] x = columns(theirs.get(HookSite.POST, layers.get(l)).data(), text.length);
          others.get(l).add(x);
          float[][] y = product.of(x);
          double[][] sums = products.get(l);
          IntStream.range(0, y.length).parallel().forEach(u -> add(sums[u], y[u]));
        }
      }
      tokens += text.length - 1;
    }

    private static void add(double[] sums, float[] values) {
      for (int u = 0; u < sums.length; u++) {
        sums[u] += values[u];
      }
    }

    /** Returns the activations without the first token, [neurons][rows], with zeros at the end. */
    private float[][] columns(MemorySegment activations, int n) {
      int width = Math.toIntExact(activations.byteSize() / Float.BYTES / n);
      var columns = new float[width][rows];
      for (int i = 1; i < n; i++) {
        for (int u = 0; u < width; u++) {
          columns[u][i - 1] = activations.getAtIndex(JAVA_FLOAT, (long) i * width + u);
        }
      }
      return columns;
    }

    UniversalNeurons result() {
      List<Match> matches =
          IntStream.range(0, own.sums.length).parallel().mapToObj(this::match).toList();
      return new UniversalNeurons(layer, tokens, matches);
    }

    private Match match(int u) {
      var best = new Match(u, layers.getFirst(), 0, Double.NaN);
      for (int l = 0; l < layers.size(); l++) {
        Marginal theirs = others.get(l);
        for (int v = 0; v < theirs.sums.length; v++) {
          double covariance =
              products.get(l)[v][u] / tokens - own.sums[u] / tokens * (theirs.sums[v] / tokens);
          double variances = own.variance(u, tokens) * theirs.variance(v, tokens);
          double correlation = variances > 0 ? covariance / Math.sqrt(variances) : Double.NaN;
          if (correlation > best.correlation || Double.isNaN(best.correlation)) {
            best = new Match(u, layers.get(l), v, correlation);
          }
        }
      }
      // Products have rounding errors of float.
      return new Match(u, best.layer, best.other, Math.clamp(best.correlation, -1.0, 1.0));
    }

    @Override
    public void close() {
      product.close();
    }
  }
}
