package dev.vidrio.lens.fact;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.numeric.Cholesky;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.RowMean;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.adapter.Adapter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Changes facts that a model recalls, by low-rank updates of the output matrices W of feed-forward
 * blocks. They are written as an adapter, so that the quantized weights stay as they are.
 *
 * <p>ROME (Meng et al. 2022, arXiv 2202.05262) treats W as an associative memory. The key k of a
 * fact is the mean input of W at the last token of the subject, over prompts with different
 * prefixes. The value is W k + δ, where δ is found by gradient steps that make the target likely.
 * The update inserts it and changes other outputs as little as possible, given the covariance C of
 * the keys of a text: {@code Δ = δ (C⁻¹k)ᵀ / (kᵀC⁻¹k)}. For several facts, with keys K and δ as
 * columns of R, {@code Δ = R (KᵀC⁻¹K)⁻¹ (C⁻¹K)ᵀ} (Gupta et al. 2024, arXiv 2403.14236).
 *
 * <p>MEMIT (Meng et al. 2023, arXiv 2210.07229) finds the value at the output of the last of
 * several layers and spreads its update over them: layer by layer, {@code Δ = R Kᵀ (λC + KKᵀ)⁻¹ = R
 * (λI + KᵀC⁻¹K)⁻¹ (C⁻¹K)ᵀ}, where R is the part of the layer in what is still missing.
 *
 * <p>Keys are averaged over prefixes wherever they occur (Yang et al. 2024, arXiv 2406.11263),
 * since a subject at the first position has atypical activations. In models with a norm after W,
 * such as Gemma 2, δ is optimized through the norm, and MEMIT wants the direction of an output,
 * since the norm sets its length.
 *
 * <p>Not thread-safe.
 *
 * @see RewriteScores
 * @see "docs/lens/facts.md"
 */
public final class Rewriter {
  /** The method. */
  public enum Method {
    /** One layer, exact. */
    ROME,
    /** Several layers, regularized. */
    MEMIT
  }

  /**
   * How a value is found: gradient steps of Adam on δ.
   *
   * @param steps maximum number of steps; 20 in the papers
   * @param rate size of a step, in root mean squares of the value
   * @param enough mean probability of the target at which the steps end
   * @param divergence factor of the KL divergence of the prediction after {@code {} is a}; 0.0625
   *     in the papers
   * @param decay factor of {@code ‖δ‖² / ‖v‖²}
   * @param clamp maximum of {@code ‖δ‖ / ‖v‖}
   */
  public record Optimization(
      int steps, double rate, double enough, double divergence, double decay, double clamp) {
    /**
     * The constants of the papers, but steps that end at a probability of 0.6 instead of 0.95 and a
     * maximum of {@code ‖δ‖} of 1.2 instead of 4, since a longer δ changes other subjects more.
     */
    public static final Optimization DEFAULT = new Optimization(20, 0.5, 0.6, 0.0625, 0.5, 1.2);

    /** Rejects values out of range. */
    public Optimization {
      Preconditions.requirePositive("steps", steps);
      Preconditions.require(rate > 0, "rate", rate, "must be positive");
      Preconditions.require(clamp > 0, "clamp", clamp, "must be positive");
    }
  }

  /**
   * Options.
   *
   * @param layer the layer of ROME, or the last one of MEMIT
   * @param layers the number of layers of MEMIT; ROME has 1
   * @param prefixes texts before the prompt, over which keys are averaged and values optimized; an
   *     empty one for the prompt alone
   * @param optimization how values are found
   * @param weight λ of MEMIT as a multiple of d_ffn, which is the mean of {@code kᵀC⁻¹k} over the
   *     keys of a text; the paper's 15000 for GPT-J, of 16384 neurons, is 0.9
   * @param ridge of the covariance, as in {@link KeyCovariance#of}
   */
  public record Options(
      Method method,
      int layer,
      int layers,
      List<String> prefixes,
      Optimization optimization,
      double weight,
      double ridge) {
    public Options {
      prefixes = List.copyOf(prefixes);
      Preconditions.require(!prefixes.isEmpty(), "prefixes", 0, "must be at least 1");
      Preconditions.requireRange("layers", layers, 1, layer + 1);
      Preconditions.require(weight >= 0, "weight", weight, "must not be negative");
    }

    /** Returns options of ROME at a layer. */
    public static Options rome(int layer, List<String> prefixes) {
      return new Options(Method.ROME, layer, 1, prefixes, Optimization.DEFAULT, 0, 1e-2);
    }

    /** Returns options of MEMIT at layers that end with one. */
    public static Options memit(int layer, int layers, List<String> prefixes) {
      return new Options(Method.MEMIT, layer, layers, prefixes, Optimization.DEFAULT, 0.9, 1e-2);
    }

    /** Returns options with another optimization of values. */
    public Options withOptimization(Optimization other) {
      return new Options(method, layer, layers, prefixes, other, weight, ridge);
    }

    /** Returns options with another λ and ridge. */
    public Options withWeights(double newWeight, double newRidge) {
      return new Options(method, layer, layers, prefixes, optimization, newWeight, newRidge);
    }
  }

  private final Lens lens;
  private final Options options;
  private final List<int[]> texts;
  private final Map<Integer, KeyCovariance> covariances = new HashMap<>();
  private final Map<Rewrite, RewriteValue> values = new HashMap<>();

  /**
   * Creates a rewriter.
   *
   * @param lens without an adapter; a lens with fast gradients optimizes faster
   * @param texts for the covariance C of their keys, two or more tokens each
   * @throws InvalidInputException if a layer has no dense feed-forward block, or the model has
   *     several residual streams
   */
  public Rewriter(Lens lens, List<int[]> texts, Options options) {
    Preconditions.requireOneStream(lens.model(), "rewriting of facts");
    this.lens = lens;
    this.options = options;
    this.texts = texts.stream().map(int[]::clone).toList();
    layers().forEach(layer -> FeedForwardPath.of(lens, layer));
  }

  private List<Integer> layers() {
    int count = options.method == Method.ROME ? 1 : options.layers;
    return IntStream.rangeClosed(options.layer - count + 1, options.layer).boxed().toList();
  }

  /** Returns the value of a rewrite, which is computed once. */
  public RewriteValue value(Rewrite rewrite) {
    RewriteValue known = values.get(rewrite);
    if (known == null) {
      known = RewriteValue.of(lens, rewrite, options);
      values.put(rewrite, known);
    }
    return known;
  }

  /**
   * Returns the updates that make all rewrites at once, layer by layer.
   *
   * @throws InvalidInputException if there is no rewrite, or two are of the same subject in the
   *     same prompt
   */
  public List<LowRankUpdate> rewrite(List<Rewrite> rewrites) throws IOException {
    Preconditions.require(!rewrites.isEmpty(), "rewrites", 0, "must be at least 1");
    Set<List<String>> prompts = new HashSet<>();
    for (Rewrite rewrite : rewrites) {
      boolean first = prompts.add(List.of(rewrite.subject(), rewrite.prompt()));
      Preconditions.require(first, "rewrite", rewrite.subject(), "occurs twice in one prompt");
    }
    rewrites.forEach(this::value);
    return options.method == Method.ROME ? rome(rewrites) : memit(rewrites);
  }

  /**
   * Returns the parts of the change of a rewrite's value that the update of ROME for it alone also
   * makes at its neighbors, {@code k'ᵀC⁻¹k / kᵀC⁻¹k} with the key k' of each in the prompt. They
   * depend on the layer: the closer the keys of subjects are, the more a rewrite changes all of
   * them.
   */
  public List<Double> interference(Rewrite rewrite) {
    FeedForwardPath path = FeedForwardPath.of(lens, options.layer);
    double[] key = DoubleVectors.doubles(mean(lens, rewrite, path.keys()));
    double[] solved = covariance(options.layer).solve(key);
    double own = DoubleVectors.dot(key, solved);
    List<Double> parts = new ArrayList<>();
    for (String neighbor : rewrite.neighbors()) {
      Fact fact = Fact.of(lens.model(), neighbor, rewrite.prompt(), rewrite.answer());
      float[] other = lens.row(fact.tokens(), path.keys(), fact.to() - 1);
      parts.add(DoubleVectors.dot(DoubleVectors.doubles(other), solved) / own);
    }
    return parts;
  }

  private List<LowRankUpdate> rome(List<Rewrite> rewrites) {
    FeedForwardPath path = FeedForwardPath.of(lens, options.layer);
    float[][] keys =
        rewrites.stream().map(rewrite -> mean(lens, rewrite, path.keys())).toArray(float[][]::new);
    float[][] changes =
        rewrites.stream().map(rewrite -> value(rewrite).change()).toArray(float[][]::new);
    return List.of(update(path, covariance(options.layer), keys, changes, 0));
  }

  private List<LowRankUpdate> memit(List<Rewrite> rewrites) throws IOException {
    List<LowRankUpdate> updates = new ArrayList<>();
    var end = new HookPoint(HookSite.RESID_POST, options.layer);
    List<Integer> layers = layers();
    Map<Rewrite, float[]> wanted = new HashMap<>();
    for (Rewrite rewrite : rewrites) {
      float[] value = mean(lens, rewrite, end);
      Vectors.add(value, value(rewrite).change());
      wanted.put(rewrite, value);
    }
    for (int layer : layers) {
      FeedForwardPath path = FeedForwardPath.of(lens, layer);
      var keys = new float[rewrites.size()][];
      var changes = new float[rewrites.size()][];
      with(
          lens,
          updates,
          changed -> {
            for (int i = 0; i < keys.length; i++) {
              Rewrite rewrite = rewrites.get(i);
              keys[i] = mean(changed, rewrite, path.keys());
              float[] missing =
                  Vectors.minus(
                      Objects.requireNonNull(wanted.get(rewrite)), mean(changed, rewrite, end));
              Vectors.scale(missing, 1f / (options.layer - layer + 1));
              changes[i] = path.inverse(path.products(new float[][] {keys[i]})[0], missing);
            }
          });
      double weight = options.weight * keys[0].length;
      updates.add(update(path, covariance(layer), keys, changes, weight));
    }
    return updates;
  }

  /** Uses a lens. */
  @FunctionalInterface
  public interface Use {
    /** Receives the lens, valid during the call. */
    void with(Lens lens);
  }

  /**
   * Runs with updates, which are written to a temporary adapter and loaded as the engine does.
   *
   * @param updates none for the model as it is
   */
  public static void with(Lens lens, List<LowRankUpdate> updates, Use use) throws IOException {
    if (updates.isEmpty()) {
      use.with(lens);
      return;
    }
    Path file = Files.createTempFile("vidrio-rewrite", ".gguf");
    try {
      LowRankUpdate.write(file, lens.model(), updates);
      try (Adapter adapter = lens.model().openAdapter(file)) {
        use.with(lens.adapted(new Adaptation(adapter, 1)));
      }
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private KeyCovariance covariance(int layer) {
    return covariances.computeIfAbsent(layer, l -> KeyCovariance.of(lens, l, texts, options.ridge));
  }

  /** Returns the mean activation at the last token of the subject over the prefixes. */
  private float[] mean(Lens changed, Rewrite rewrite, HookPoint point) {
    var mean = new RowMean();
    for (Fact fact : prompts(lens.model(), rewrite, options.prefixes)) {
      Capture capture = Capture.of(point.name()).positions(fact.to() - 1, fact.to());
      try (ActivationCache cache = changed.run(fact.tokens(), capture)) {
        mean.add(cache.get(point).row(0));
      }
    }
    return mean.mean();
  }

  /** Returns the prompts of a rewrite with the target as answer, one per prefix. */
  static List<Fact> prompts(Model model, Rewrite rewrite, List<String> prefixes) {
    return prefixes.stream()
        .map(
            prefix ->
                Fact.of(model, rewrite.subject(), prefix + rewrite.prompt(), rewrite.target()))
        .toList();
  }

  /**
   * Returns {@code R (λI + KᵀC⁻¹K)⁻¹ (C⁻¹K)ᵀ} as a low-rank update.
   *
   * @param keys columns of K, [r][d_ffn]
   * @param changes columns of R, [r][d]
   */
  static LowRankUpdate update(
      FeedForwardPath path,
      KeyCovariance covariance,
      float[][] keys,
      float[][] changes,
      double weight) {
    int r = keys.length;
    var solved = new double[r][];
    for (int i = 0; i < r; i++) {
      solved[i] = covariance.solve(DoubleVectors.doubles(keys[i]));
    }
    var gram = new double[r][r];
    for (int i = 0; i < r; i++) {
      double[] key = DoubleVectors.doubles(keys[i]);
      for (int j = 0; j < r; j++) {
        gram[i][j] = DoubleVectors.dot(key, solved[j]);
      }
      gram[i][i] += weight;
    }
    Cholesky factor;
    try {
      factor = new Cholesky(gram);
    } catch (ArithmeticException e) {
      throw new InvalidInputException("rewrites", r, "two have nearly equal keys");
    }
    // The columns of b solve B (λI + KᵀC⁻¹K) = R, row by row of R.
    int d = changes[0].length;
    var b = new float[r][d];
    for (int j = 0; j < d; j++) {
      var row = new double[r];
      for (int i = 0; i < r; i++) {
        row[i] = changes[i][j];
      }
      double[] x = factor.solve(row);
      for (int i = 0; i < r; i++) {
        b[i][j] = (float) x[i];
      }
    }
    var a = new float[r][];
    for (int i = 0; i < r; i++) {
      a[i] = DoubleVectors.floats(solved[i]);
    }
    return new LowRankUpdate(path.weights().name(), List.of(a), List.of(b));
  }
}
