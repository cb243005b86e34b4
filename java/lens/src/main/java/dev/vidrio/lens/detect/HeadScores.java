package dev.vidrio.lens.detect;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.detect.PatternSums.Relations;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Statistics of an attention head's pattern: means over the queries of a text, except the query at
 * position 0, which can attend only to itself. NaN if no query has the key that a score needs.
 *
 * <p>On a text {@code [BOS, r, r]} of S distinct random tokens {@code r}, {@code duplicate} is the
 * mean of {@code a_{i,i−S}} and {@code induction} that of {@code a_{i,i−S+1}} over the second half,
 * as Elhage et al. (2021) and Olsson et al. (2022, arXiv 2209.11895) define them.
 *
 * @param layer from 0
 * @param head from 0
 * @param entropy of the pattern's rows, in bits
 * @param current weight of the query's own position, {@code a_{i,i}}
 * @param previous weight of the previous position, {@code a_{i,i−1}}
 * @param first weight of position 0: the head's attention sink (Xiao et al. 2023, arXiv 2309.17453)
 * @param duplicate weight of earlier positions with the query's token
 * @param induction weight of positions after an earlier one with the query's token
 */
public record HeadScores(
    int layer,
    int head,
    double entropy,
    double current,
    double previous,
    double first,
    double duplicate,
    double induction)
    implements ScoredHead {
  /**
   * Returns the scores of the heads of all layers with a {@code hook_pattern} in a cache, in order.
   */
  public static List<HeadScores> of(ActivationCache cache) {
    Relations relations = relations(Arrays.copyOf(cache.tokens(), cache.from() + cache.rows()));
    List<HeadScores> all = new ArrayList<>();
    for (HookPoint point : cache.points()) {
      if (point.site() == HookSite.PATTERN) {
        Activation pattern = cache.get(point);
        for (int h = 0; h < pattern.shape().getFirst(); h++) {
          all.add(of(point.layer(), h, pattern.row(h), relations, cache.from()));
        }
      }
    }
    return all;
  }

  /**
   * Returns a head's scores.
   *
   * @param pattern [keys − from, keys]: a row per position from {@code from} on
   * @param tokens those of the keys
   */
  static HeadScores of(int layer, int head, float[] pattern, int[] tokens, int from) {
    return of(layer, head, pattern, relations(tokens), from);
  }

  private static HeadScores of(
      int layer, int head, float[] pattern, Relations relations, int from) {
    var sums = new PatternSums(relations.length());
    sums.add(pattern, from, relations);
    return sums.scores(layer, head);
  }

  /** Returns the relations of tokens if each token is a word. */
  private static Relations relations(int[] tokens) {
    return new Relations(tokens, IntStream.range(0, tokens.length).toArray());
  }

  /** Returns the means of a head's scores over several texts. */
  static HeadScores mean(List<HeadScores> scores) {
    HeadScores any = scores.getFirst();
    return new HeadScores(
        any.layer,
        any.head,
        scores.stream().mapToDouble(HeadScores::entropy).average().orElseThrow(),
        scores.stream().mapToDouble(HeadScores::current).average().orElseThrow(),
        scores.stream().mapToDouble(HeadScores::previous).average().orElseThrow(),
        scores.stream().mapToDouble(HeadScores::first).average().orElseThrow(),
        scores.stream().mapToDouble(HeadScores::duplicate).average().orElseThrow(),
        scores.stream().mapToDouble(HeadScores::induction).average().orElseThrow());
  }
}
