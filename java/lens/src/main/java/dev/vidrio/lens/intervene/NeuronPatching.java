package dev.vidrio.lens.intervene;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.DoubleConsumer;
import java.util.stream.IntStream;

/**
 * AtP* of neurons (Kramár et al. 2024, arXiv 2403.00745): which neurons of the feed-forward blocks
 * carry what two texts differ in? A model has too many to patch each. The change of a metric of the
 * clean run, if neuron j of a layer has its values a_ij(x̃) of the corrupted text at all positions
 * i, is estimated to first order:
 *
 * <pre>{@code c_j = Σ_i (a_ij(x̃) − a_ij(x)) · ∂L/∂a_ij}</pre>
 *
 * <p>Paths through later layers may cancel at the clean run, but not after patching, so that an
 * important neuron has a small estimate. GradDrop therefore ranks neurons by the mean of magnitudes
 * under gradients that skip one layer k each, {@code 1/(L−1) Σ_k |c_j^(k)|}; it costs a run forward
 * and back per layer. The other correction of AtP*, of the softmax, concerns queries and keys
 * alone, see {@link AtpStar}. {@link #exact} patches the neurons that are found.
 *
 * <p>Neurons are the elements of {@code mlp.hook_post}. Layers with experts have none here, since
 * their neurons differ from token to token.
 *
 * @param clean mean metric of the clean texts
 * @param corrupted mean metric of the corrupted texts
 * @param estimates c, the mean over pairs, [layers][d_ffn]
 * @param magnitudes by which neurons are ranked, of equal shape: those of GradDrop, or those of the
 *     estimates
 * @see "docs/lens/interventions.md"
 */
public record NeuronPatching(
    double clean, double corrupted, List<List<Double>> estimates, List<List<Double>> magnitudes) {
  private static final String NEURONS = "*." + HookSite.POST.suffix();

  /** A neuron of a feed-forward block. */
  public record Neuron(int layer, int index) {
    /** Returns the name: {@code L3.N17}. */
    public String name() {
      return "L" + layer + ".N" + index;
    }
  }

  public NeuronPatching {
    estimates = estimates.stream().map(List::copyOf).toList();
    magnitudes = magnitudes.stream().map(List::copyOf).toList();
  }

  /**
   * Estimates the effects of all neurons. Memory does not depend on the number of pairs.
   *
   * @param drop whether neurons are ranked by GradDrop
   * @param progress receives the share of pairs that are done, 0 to 1
   * @throws InvalidInputException if there is no pair, the model does not support a text, no layer
   *     has neurons without experts, or with GradDrop a layer lacks attention
   */
  public static NeuronPatching of(
      Lens lens, List<TextPair> pairs, boolean drop, DoubleConsumer progress) {
    TextPair.requireFit(lens.model(), pairs);
    if (drop) {
      Preconditions.requireAttention(lens.model(), "GradDrop");
    }
    int layers = lens.model().architecture().layers();
    var sums = new Sums(layers);
    for (int i = 0; i < pairs.size(); i++) {
      add(lens, pairs.get(i), drop, sums);
      progress.accept((i + 1.0) / pairs.size());
    }
    return sums.mean(pairs.size());
  }

  private static void add(Lens lens, TextPair pair, boolean drop, Sums sums) {
    int[] clean = pair.clean();
    int from = pair.commonPrefix();
    int n = clean.length;
    int[] tokens = Arrays.copyOfRange(clean, from, n);
    DifferentiableMetric metric = pair.metric();
    String outputs = "*.hook_attn_out, *.hook_mlp_out";
    GradientOptions plain = GradientOptions.of(NEURONS, n).withLogits(metric.positions());
    try (GradientSession session =
        GradientSession.open(lens, drop ? plain.withEditable(outputs) : plain)) {
      session.prefix(Arrays.copyOf(clean, from));
      session.forward(Arrays.copyOfRange(pair.corrupted(), from, n));
      sums.corrupted += metric.of(session.activation(HookPoint.of(HookSite.LOGITS)).data());
      Map<HookPoint, float[]> changes = new HashMap<>();
      for (HookPoint point : session.points()) {
        if (isDense(session.activation(point))) {
          changes.put(point, session.activation(point).toArray());
        }
      }
      Preconditions.require(
          !changes.isEmpty(), "neurons", NEURONS, "belong to experts, which differ by token");
      sums.clean += session.run(tokens, metric);
      changes.forEach(
          (point, there) -> {
            float[] here = session.activation(point).toArray();
            for (int i = 0; i < there.length; i++) {
              there[i] -= here[i];
            }
            double[] estimates = products(session, point, there);
            sums.add(sums.estimates, point.layer(), estimates, false, 1);
            sums.add(sums.magnitudes, point.layer(), estimates, true, drop ? 0 : 1);
          });
      if (drop) {
        drop(lens, session, clean, from, metric, changes, sums);
      }
    }
  }

  private static boolean isDense(Activation activation) {
    return activation.shape().size() == 2;
  }

  /** Adds magnitudes under gradients that skip a layer each, with its outputs as constants. */
  private static void drop(
      Lens lens,
      GradientSession session,
      int[] clean,
      int from,
      DifferentiableMetric metric,
      Map<HookPoint, float[]> changes,
      Sums sums) {
    int[] tokens = Arrays.copyOfRange(clean, from, clean.length);
    int layers = lens.model().architecture().layers();
    double weight = 1.0 / Math.max(1, layers - 1);
    try (ActivationCache here = lens.run(clean, Capture.of("*.hook_attn_out, *.hook_mlp_out"))) {
      for (int l = 0; l < layers; l++) {
        session.edits(
            List.of(
                Intervention.patch(here, new HookPoint(HookSite.ATTN_OUT, l)),
                Intervention.patch(here, new HookPoint(HookSite.MLP_OUT, l))));
        session.run(tokens, metric);
        changes.forEach(
            (point, change) ->
                sums.add(
                    sums.magnitudes,
                    point.layer(),
                    products(session, point, change),
                    true,
                    weight));
      }
    }
  }

  /** Returns {@code Σ_i change_ij · ∂L/∂a_ij} for each neuron j. */
  private static double[] products(GradientSession session, HookPoint point, float[] change) {
    float[] gradient = session.gradient(point).toArray();
    int width = session.activation(point).shape().getLast();
    var products = new double[width];
    for (int i = 0; i < change.length; i++) {
      products[i % width] += (double) change[i] * gradient[i];
    }
    return products;
  }

  /** Sums over pairs, [layers][d_ffn]; rows of layers without neurons are empty. */
  private static final class Sums {
    private final double[][] estimates;
    private final double[][] magnitudes;
    private double clean;
    private double corrupted;

    Sums(int layers) {
      this.estimates = new double[layers][0];
      this.magnitudes = new double[layers][0];
    }

    void add(double[][] sums, int layer, double[] values, boolean magnitude, double weight) {
      if (sums[layer].length == 0) {
        sums[layer] = new double[values.length];
      }
      for (int j = 0; j < values.length; j++) {
        sums[layer][j] += weight * (magnitude ? Math.abs(values[j]) : values[j]);
      }
    }

    NeuronPatching mean(int pairs) {
      return new NeuronPatching(
          clean / pairs, corrupted / pairs, lists(estimates, pairs), lists(magnitudes, pairs));
    }

    private static List<List<Double>> lists(double[][] sums, int pairs) {
      return Arrays.stream(sums)
          .map(row -> Arrays.stream(row).map(value -> value / pairs).boxed().toList())
          .toList();
    }
  }

  /** Returns the neurons of the largest magnitudes, in descending order. */
  public List<Neuron> strongest(int count) {
    return IntStream.range(0, magnitudes.size())
        .boxed()
        .flatMap(l -> IntStream.range(0, magnitudes.get(l).size()).mapToObj(j -> new Neuron(l, j)))
        .sorted(
            Comparator.comparingDouble(neuron -> -magnitudes.get(neuron.layer).get(neuron.index)))
        .limit(count)
        .toList();
  }

  /**
   * Patches neurons one at a time, and returns the change of the metric, with its interval over
   * pairs.
   *
   * @throws InvalidInputException if a layer does not have a neuron, or the model does not support
   *     a text
   */
  public static List<Estimate> exact(Lens lens, List<TextPair> pairs, List<Neuron> neurons) {
    var changes = new double[neurons.size()][pairs.size()];
    for (int p = 0; p < pairs.size(); p++) {
      TextPair pair = pairs.get(p);
      try (ActivationCache there = lens.run(pair.corrupted(), Capture.of(NEURONS))) {
        List<List<Intervention>> variants = new ArrayList<>();
        for (Neuron neuron : neurons) {
          var point = new HookPoint(HookSite.POST, neuron.layer);
          variants.add(List.of(Intervention.patch(there, point).neuron(neuron.index)));
        }
        variants.add(List.of());
        List<Double> values =
            Sweep.run(lens, pair.clean(), List.of(), variants, pair.forwardMetric());
        double base = Objects.requireNonNull(values.getLast());
        for (int i = 0; i < neurons.size(); i++) {
          changes[i][p] = values.get(i) - base;
        }
      }
    }
    return Arrays.stream(changes).map(Estimate::of).toList();
  }
}
