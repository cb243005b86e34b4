package dev.vidrio.lens.intervene;

import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.plan.HookMap;
import dev.vidrio.lens.plan.Inputs;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.InvalidInputException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Attribution patching (Nanda 2023; Syed et al. 2023, arXiv 2310.10348): estimates the results of
 * {@link ActivationPatching} to first order, for all components, by two forward passes and one
 * backward pass. With a the patched run's activation and ã the other run's, patching moves the
 * logit difference by about
 *
 * <pre>{@code (ã − a) · ∂LD/∂a}</pre>
 *
 * <p>Nothing moves before the first token in which the texts differ: what they begin with runs
 * once, and the gradient goes back to there.
 */
public final class AttributionPatching {
  private AttributionPatching() {}

  /**
   * Estimates what patching every component of a kind gives. Logit differences of the two runs are
   * true ones.
   *
   * @param clean tokens of the text that has the answer
   * @param corrupted as many tokens of one that has it not
   * @param answer the right next token of the clean text
   * @param wrong another
   * @throws InvalidInputException when the texts differ in length or do not differ in their logit
   *     difference, or the model does not know a token
   */
  public static ActivationPatching of(
      Lens lens,
      int[] clean,
      int[] corrupted,
      int answer,
      int wrong,
      Site site,
      Direction direction) {
    Inputs.requirePair(lens.model(), clean, corrupted, answer, wrong);
    Inputs.requireTokens(lens.model(), clean);
    boolean denoising = direction == Direction.DENOISING;
    DifferentiableMetric metric = Metric.logitDifference(answer, wrong);
    String hooks = "blocks.*." + site.hook().suffix();
    int from = Inputs.commonPrefix(clean, corrupted);
    int n = clean.length;
    int[] here = Arrays.copyOfRange(denoising ? corrupted : clean, from, n);
    int[] there = Arrays.copyOfRange(denoising ? clean : corrupted, from, n);
    try (GradientSession session = GradientSession.open(lens, GradientOptions.of(hooks, n))) {
      session.prefix(Arrays.copyOf(clean, from));
      session.forward(there);
      double valueThere = metric.of(session.activation(HookPoint.of(HookSite.LOGITS)).data());
      Map<HookPoint, float[]> changes = new HashMap<>();
      Map<HookPoint, float[]> gradients = new HashMap<>();
      session.points().forEach(p -> changes.put(p, session.activation(p).toArray()));
      double valueHere = session.run(here, metric);
      for (HookPoint point : session.points()) {
        changes.computeIfPresent(
            point, (p, x) -> Vectors.minus(x, session.activation(p).toArray()));
        gradients.put(point, session.gradient(point).toArray());
      }
      HookMap map = HookMap.of(lens.model());
      PatchGrid grid = PatchGrid.of(lens, site, n);
      List<Double> values =
          grid.places().stream()
              .map(
                  place -> {
                    float[] change = Objects.requireNonNull(changes.get(place.point()));
                    float[] gradient = Objects.requireNonNull(gradients.get(place.point()));
                    int heads = map.heads(place.point().layer());
                    return valueHere + place.product(change, gradient, from, n, heads);
                  })
              .toList();
      return ActivationPatching.of(
          grid,
          values,
          site,
          direction,
          denoising ? valueThere : valueHere,
          denoising ? valueHere : valueThere);
    }
  }
}
