package dev.vidrio.lens.intervene;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * AtP* (Kramár et al. 2024, arXiv 2403.00745): {@link AttributionPatching} of the queries, keys or
 * values of heads, with two corrections.
 *
 * <ul>
 *   <li>The softmax of attention saturates. Therefore an input is patched exactly up to the output
 *       z of its heads, and only the rest is linearized: {@code (z(ã) − z) · ∂LD/∂z}. One run
 *       computes this for all heads, with the other inputs of every layer held fixed.
 *   <li>Effects that cancel hide a component. Therefore it is ranked by the mean of magnitudes
 *       under gradients that skip one layer each (GradDrop): {@code 1/(L−1) Σ_l |…|}.
 * </ul>
 *
 * @param clean metric of the clean run, which is patched
 * @param corrupted metric of the corrupted run
 * @param estimates the estimated change of the metric, [layers][heads of the input]
 * @param magnitudes by which components are ranked, of equal shape
 * @see "docs/lens/interventions.md"
 */
public record AtpStar(
    double clean, double corrupted, List<List<Double>> estimates, List<List<Double>> magnitudes) {
  private static final List<HookSite> INPUTS = List.of(HookSite.Q, HookSite.K, HookSite.V);

  public AtpStar {
    estimates = estimates.stream().map(List::copyOf).toList();
    magnitudes = magnitudes.stream().map(List::copyOf).toList();
  }

  /**
   * Estimates the effect of patching each head's input at all positions of the clean run.
   *
   * @param input {@link HookSite#Q}, {@link HookSite#K} or {@link HookSite#V}
   * @throws InvalidInputException if the input is another site, or a token is not in the vocabulary
   */
  public static AtpStar of(Lens lens, TextPair pair, HookSite input) {
    requireHeadInput(input);
    int[] clean = pair.clean();
    Preconditions.requireTokens(lens.model(), clean);
    Preconditions.requireAttention(lens.model(), "input of heads");
    DifferentiableMetric metric = pair.metric();
    int from = pair.commonPrefix();
    int[] tokens = Arrays.copyOfRange(clean, from, clean.length);
    String kept = "*.hook_q, *.hook_k, *.hook_v, *.hook_z, *.hook_attn_out, *.hook_mlp_out";
    GradientOptions options =
        GradientOptions.of("*.hook_z", clean.length)
            .withLogits(metric.positions())
            .withEditable("*.hook_attn_out, *.hook_mlp_out");
    try (ActivationCache here = lens.run(clean, Capture.of(kept));
        ActivationCache there = lens.run(pair.corrupted(), Capture.of("*." + input.suffix()));
        ActivationCache patched =
            lens.run(
                clean,
                Capture.of("*.hook_z").positions(from, clean.length),
                edits(lens, here, there, input));
        GradientSession session = GradientSession.open(lens, options)) {
      Map<HookPoint, float[]> changes = new HashMap<>();
      for (HookPoint z : session.points()) {
        changes.put(z, Vectors.minus(patched.get(z).toArray(), rows(here, z, from)));
      }
      HookMap hooks = HookMap.of(lens.model());
      IntUnaryOperator heads = input == HookSite.Q ? hooks::heads : hooks::kvHeads;
      session.prefix(Arrays.copyOf(clean, from));
      double value = session.run(tokens, metric);
      List<List<Double>> estimates = products(session, changes, tokens.length, heads);
      List<List<List<Double>>> dropped = new ArrayList<>();
      for (int l = 0; l < estimates.size(); l++) {
        session.edits(
            List.of(
                Intervention.patch(here, new HookPoint(HookSite.ATTN_OUT, l)),
                Intervention.patch(here, new HookPoint(HookSite.MLP_OUT, l))));
        session.run(tokens, metric);
        dropped.add(products(session, changes, tokens.length, heads));
      }
      int others = Math.max(1, dropped.size() - 1);
      return new AtpStar(
          value,
          metric.of(lens, pair.corrupted()),
          estimates,
          PatchGrid.cellwise(
              dropped, cells -> cells.stream().mapToDouble(Math::abs).sum() / others));
    }
  }

  /**
   * Estimates the mean effects for several pairs of texts.
   *
   * @throws InvalidInputException also if there is no pair
   */
  public static AtpStar of(Lens lens, List<TextPair> pairs, HookSite input) {
    TextPair.requireFit(lens.model(), pairs);
    List<AtpStar> all = pairs.stream().map(pair -> of(lens, pair, input)).toList();
    return new AtpStar(
        all.stream().mapToDouble(AtpStar::clean).average().orElseThrow(),
        all.stream().mapToDouble(AtpStar::corrupted).average().orElseThrow(),
        PatchGrid.cellwise(all.stream().map(AtpStar::estimates).toList(), PatchGrid::mean),
        PatchGrid.cellwise(all.stream().map(AtpStar::magnitudes).toList(), PatchGrid::mean));
  }

  /**
   * Returns the estimates as scores of {@link ActivationPatching}.
   *
   * @param site of the inputs
   * @param direction noising if the clean texts were the clean ones of the pairs, denoising if the
   *     pairs were {@linkplain TextPair#swapped swapped}
   * @throws InvalidInputException if the metric of both texts is equal
   */
  public ActivationPatching scores(Site site, Direction direction) {
    boolean noising = direction == Direction.NOISING;
    double to = noising ? clean : corrupted;
    double from = noising ? corrupted : clean;
    ActivationPatching.requireDifferent(to, from);
    int heads = estimates.stream().mapToInt(List::size).max().orElse(0);
    return new ActivationPatching(
        site,
        direction,
        to,
        from,
        PatchGrid.names("L", estimates.size()),
        PatchGrid.names("H", heads),
        PatchGrid.cellwise(
            List.of(estimates),
            estimate -> ActivationPatching.score(clean + estimate.getFirst(), to, from)),
        PatchGrid.cellwise(List.of(estimates), ignored -> Double.NaN));
  }

  /** Checks that a site is an input of heads that path patching can change. */
  static void requireHeadInput(HookSite input) {
    String limit = "must be hook_q, hook_k or hook_v";
    Preconditions.require(INPUTS.contains(input), "input of heads", input.suffix(), limit);
  }

  /** Holds all queries, keys and values fixed, except the input, which is that of the other run. */
  private static List<Intervention> edits(
      Lens lens, ActivationCache here, ActivationCache there, HookSite input) {
    List<Intervention> edits = new ArrayList<>();
    HookMap.of(lens.model()).requireOwnKeys("input of heads");
    for (int l = 0; l < lens.model().architecture().layers(); l++) {
      for (HookSite site : INPUTS) {
        edits.add(Intervention.patch(site == input ? there : here, new HookPoint(site, l)));
      }
    }
    return edits;
  }

  /** Returns the rows of an activation from a position on. */
  private static float[] rows(ActivationCache cache, HookPoint point, int from) {
    float[] all = cache.get(point).toArray();
    return Arrays.copyOfRange(all, all.length / cache.rows() * from, all.length);
  }

  /** Returns the dot products per head, or per group of heads that share keys and values. */
  private static List<List<Double>> products(
      GradientSession session, Map<HookPoint, float[]> changes, int n, IntUnaryOperator headsOf) {
    return session.points().stream()
        .map(
            z -> {
              float[] change = Objects.requireNonNull(changes.get(z));
              float[] gradient = session.gradient(z).toArray();
              int heads = headsOf.applyAsInt(z.layer());
              return IntStream.range(0, heads)
                  .mapToObj(h -> PatchGrid.Target.head(z, h).product(change, gradient, 0, n, heads))
                  .toList();
            })
        .toList();
  }
}
