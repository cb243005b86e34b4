package dev.vidrio.lens.intervene;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Cross-model activation patching (Prakash et al. 2024, arXiv 2402.14811): where do a model and the
 * same model with an adapter differ? Runs one on a text, and replaces its residual stream at a
 * layer and a position by that of the other: the metric that results is between those of both. The
 * bits of a cell are those of a single run with these activations.
 *
 * @param own metric of the model that is patched
 * @param other metric of the model that activations are taken from
 * @param patched [layers][positions]: the metric after the residual stream at the output of a block
 *     has been replaced at a position
 * @param byLayer [layers]: the same at all positions of a layer
 * @param byPosition [positions]: the same at all layers of a position
 * @param whole the metric with the whole stream replaced: at all layers and positions. It has the
 *     bits of {@code other}, unless the models differ after the last block.
 * @see Lens#adapted
 * @see "docs/lens/facts.md"
 */
public record ModelComparison(
    double own,
    double other,
    List<List<Double>> patched,
    List<Double> byLayer,
    List<Double> byPosition,
    double whole) {
  public ModelComparison {
    patched = patched.stream().map(List::copyOf).toList();
    byLayer = List.copyOf(byLayer);
    byPosition = List.copyOf(byPosition);
  }

  /**
   * Patches a model at all layers and positions.
   *
   * @param lens the model that is patched
   * @param source the model that activations are taken from: a lens of the same model with another
   *     adapter, or none
   * @throws InvalidInputException if the lenses have different models, the model has several
   *     residual streams, or does not support the tokens
   */
  public static ModelComparison of(Lens lens, Lens source, int[] tokens, Metric metric) {
    Preconditions.require(
        lens.model() == source.model(), "source", source.model().name(), "must be the same model");
    Preconditions.requireOneStream(lens.model(), "cross-model patching");
    int layers = lens.model().architecture().layers();
    int n = tokens.length;
    String hooks = "blocks.*." + HookSite.RESID_POST.suffix();
    try (ActivationCache cache = source.run(tokens, Capture.of(hooks))) {
      List<Intervention> whole =
          IntStream.range(0, layers)
              .mapToObj(l -> Intervention.patch(cache, new HookPoint(HookSite.RESID_POST, l)))
              .toList();
      List<List<Intervention>> variants = new ArrayList<>();
      variants.add(List.of());
      variants.add(whole);
      whole.forEach(edit -> variants.add(List.of(edit)));
      for (int p = 0; p < n; p++) {
        int position = p;
        variants.add(whole.stream().map(edit -> edit.position(position)).toList());
      }
      for (Intervention edit : whole) {
        IntStream.range(0, n).forEach(p -> variants.add(List.of(edit.position(p))));
      }
      List<Double> values = Sweep.run(lens, tokens, List.of(), variants, metric);
      int grid = 2 + layers + n;
      return new ModelComparison(
          values.getFirst(),
          metric.of(source, tokens),
          PatchGrid.table(values.subList(grid, values.size()), layers, n),
          values.subList(2, 2 + layers),
          values.subList(2 + layers, grid),
          values.get(1));
    }
  }

  /**
   * Returns the share of the difference of both models that a metric accounts for: 0 is the patched
   * model, 1 the other.
   */
  public double share(double metric) {
    return own == other ? 0 : (metric - own) / (other - own) + 0.0;
  }
}
