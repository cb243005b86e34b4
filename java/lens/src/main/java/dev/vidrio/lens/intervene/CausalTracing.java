package dev.vidrio.lens.intervene;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Causal tracing (Meng et al. 2022, arXiv 2202.05262): noise on the embeddings of a subject lowers
 * the probability of the answer, or another metric; restoring single activations of the clean run
 * locates the flow of the fact.
 *
 * @param clean probability of the answer, or the metric, in the clean run
 * @param corrupted its mean over runs with noise
 * @param restored [layers][positions]: its mean with one activation restored. The difference from
 *     {@code corrupted} is the indirect effect of the paper.
 * @see "docs/lens/interventions.md"
 */
public record CausalTracing(
    Site site, double clean, double corrupted, List<List<Double>> restored) {

  /** The activation that is restored at a layer and a position. */
  public enum Site {
    /** The residual stream after the block. */
    RESID_POST(HookSite.RESID_POST),
    ATTN_OUT(HookSite.ATTN_OUT),
    MLP_OUT(HookSite.MLP_OUT);

    private final HookSite hook;

    Site(HookSite hook) {
      this.hook = hook;
    }
  }

  /**
   * Options of the noise and of the restored activations.
   *
   * @param noise standard deviation of the noise as a multiple of that of the text's embeddings; 3
   *     in the paper
   * @param runs number of noise samples, over which probabilities are averaged; 10 in the paper
   * @param window number of layers with restored activations around each layer; in the paper, 1 for
   *     the residual stream and 10 for sublayers
   * @param seed of the noise
   */
  public record Options(double noise, int runs, int window, long seed) {
    /** The options of the paper for the residual stream. */
    public static final Options DEFAULT = new Options(3, 10, 1, 0);

    public Options {
      Preconditions.require(
          noise > 0 && Double.isFinite(noise), "noise", noise, "must be positive");
      Preconditions.require(runs > 0, "runs", runs, "must be positive");
      Preconditions.require(window > 0, "window", window, "must be positive");
    }
  }

  public CausalTracing {
    restored = restored.stream().map(List::copyOf).toList();
  }

  /**
   * Traces one site at all layers and positions.
   *
   * @param from the first position of the subject
   * @param to the position after its last one
   * @param answer the next token
   */
  public static CausalTracing of(
      Lens lens, int[] tokens, int from, int to, int answer, Site site, Options options) {
    Preconditions.requireToken(lens.model(), answer);
    return of(lens, tokens, from, to, Metric.probability(answer), site, options);
  }

  /**
   * Traces one site at all layers and positions by any metric.
   *
   * @param from the first position of the subject
   * @param to the position after its last one
   * @param metric of the answer
   */
  public static CausalTracing of(
      Lens lens, int[] tokens, int from, int to, Metric metric, Site site, Options options) {
    boolean range = from >= 0 && to > from && to <= tokens.length;
    String limit = "must be a range of the " + tokens.length + " tokens";
    Preconditions.require(range, "subject", from + ":" + to, limit);
    int layers = lens.model().architecture().layers();
    String hooks = "hook_embed,blocks.*." + site.hook.suffix();
    try (ActivationCache clean = lens.run(tokens, Capture.of(hooks))) {
      List<List<Intervention>> variants = new ArrayList<>();
      for (int l = 0; l < layers; l++) {
        for (int p = 0; p < tokens.length; p++) {
          // The noise does not reach earlier positions.
          variants.add(p < from ? List.of() : restoring(clean, site, l, p, layers, options.window));
        }
      }
      variants.add(List.of());
      var sums = new double[variants.size()];
      for (int run = 0; run < options.runs; run++) {
        List<Intervention> noise = List.of(noise(clean, from, to, options, run));
        List<Double> values = Sweep.run(lens, tokens, noise, variants, metric);
        for (int i = 0; i < sums.length; i++) {
          sums[i] += values.get(i) / options.runs;
        }
      }
      return new CausalTracing(
          site,
          metric.of(lens, tokens),
          sums[sums.length - 1],
          PatchGrid.table(Arrays.stream(sums).boxed().toList(), layers, tokens.length));
    }
  }

  private static List<Intervention> restoring(
      ActivationCache clean, Site site, int layer, int position, int layers, int window) {
    int first = Math.max(0, layer - window / 2);
    int end = Math.min(layers, layer - window / 2 + window);
    return IntStream.range(first, end)
        .filter(l -> clean.has(new HookPoint(site.hook, l))) // not where a layer has no attention
        .mapToObj(l -> Intervention.patch(clean, new HookPoint(site.hook, l)).position(position))
        .toList();
  }

  private static Intervention noise(
      ActivationCache clean, int from, int to, Options options, int run) {
    Activation embeddings = clean.get(HookSite.EMBED);
    double sum = 0;
    double squares = 0;
    for (float value : embeddings.toArray()) {
      sum += value;
      squares += (double) value * value;
    }
    double mean = sum / embeddings.elements();
    double deviation = Math.sqrt(squares / embeddings.elements() - mean * mean);
    int width = embeddings.shape().getLast();
    long seed = options.seed + run;
    return Ablation.noise(embeddings.point(), width, from, to, options.noise * deviation, seed);
  }
}
