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
 * what a metric loses when a token of the text is removed.
 *
 * @param metric of the whole text
 * @param without the metric without each token
 */
public record Occlusion(double metric, List<Double> without) {
  /** How a token is taken away. */
  public enum By {
    /** Its embedding is zeros; it keeps its place. */
    ZERO,
    /** No later token looks at it, in any layer: {@link Intervention#knockOut}. */
    HIDE
  }

  public Occlusion {
    without = List.copyOf(without);
  }

  /**
   * Takes each token of a text away in turn.
   *
   * @throws InvalidInputException when the model cannot take the tokens; or when they are to be
   *     hidden, and come to later ones by another way than attention
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

  /** After the last token there is none to hide it from. */
  private static List<Intervention> hidden(int j, int n, int layers) {
    return j == n - 1
        ? List.of()
        : IntStream.range(0, layers)
            .mapToObj(l -> Intervention.knockOut(l, j, j + 1).positions(j + 1, n))
            .toList();
  }

  /** What the metric loses without a token: positive where the token speaks for it. */
  public double effect(int j) {
    return metric - without.get(j);
  }
}
