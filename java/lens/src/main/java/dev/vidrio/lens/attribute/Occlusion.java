package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Occlusion (Zeiler and Fergus 2014, arXiv 1311.2901; of words: Li et al. 2016, arXiv 1612.08220):
 * the loss of a metric when a token of the text is removed.
 *
 * @param metric of the whole text
 * @param without the metric without each token
 * @see "docs/lens/attribution.md"
 */
public record Occlusion(double metric, List<Double> without) {
  /** The way in which a token is removed. */
  public enum By {
    /** Sets its embedding to zeros; the positions of other tokens remain. */
    ZERO,
    /** Hides it from the attention of later tokens in all layers: {@link Intervention#knockOut}. */
    HIDE
  }

  public Occlusion {
    without = List.copyOf(without);
  }

  /**
   * Removes each token of a text in turn.
   *
   * @throws InvalidInputException if the model does not support the tokens, or if they are to be
   *     hidden and the model mixes tokens by other means than attention
   */
  public static Occlusion of(Lens lens, int[] tokens, By by, Metric metric) {
    Preconditions.requireTokens(lens.model(), tokens);
    if (by == By.HIDE) {
      Preconditions.requireAttention(lens.model(), "hiding of tokens");
    }
    int layers = lens.model().architecture().layers();
    List<List<Intervention>> variants = new ArrayList<>();
    variants.add(List.of());
    for (int j = 0; j < tokens.length; j++) {
      variants.add(by == By.ZERO ? zeroed(j) : hidden(j, tokens.length, layers));
    }
    List<Double> results = Sweep.run(lens, tokens, List.of(), variants, metric);
    return new Occlusion(results.getFirst(), results.subList(1, results.size()));
  }

  private static List<Intervention> zeroed(int j) {
    return List.of(Intervention.zero(HookPoint.of(HookSite.EMBED)).position(j));
  }

  /** No later token attends to the last one. */
  private static List<Intervention> hidden(int j, int n, int layers) {
    return j == n - 1
        ? List.of()
        : IntStream.range(0, layers)
            .mapToObj(l -> Intervention.knockOut(l, j, j + 1).positions(j + 1, n))
            .toList();
  }

  /** Returns the loss of the metric without a token: positive if the token increases it. */
  public double effect(int j) {
    return metric - without.get(j);
  }
}
