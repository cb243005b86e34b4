package dev.vidrio.lens.page;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.detect.HeadScores;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Attention patterns: a small picture of each head, and a large one of the selected head.
 *
 * @param tokens the text, from position 0
 * @param from the position of the first query
 * @param heads by layer and head
 */
public record AttentionView(
    String title, String note, List<String> tokens, int from, List<Head> heads) implements View {
  /** Maximum number of weights on a page: about 50 MB of HTML. */
  private static final long MAX_WEIGHTS = 20_000_000;

  /**
   * A head.
   *
   * @param about its scores, as text
   * @param weights in units of 1/10000: of each query from {@code from} on, those of the keys 0 to
   *     its own position
   */
  public record Head(int layer, int head, String about, List<Integer> weights) {}

  public AttentionView {
    tokens = List.copyOf(tokens);
    heads = List.copyOf(heads);
  }

  /** Returns the patterns of a cache. */
  public static AttentionView of(Model model, ActivationCache cache) {
    int keys = cache.from() + cache.rows();
    List<HeadScores> scores = HeadScores.of(cache);
    long weights = (long) scores.size() * cache.rows() * (cache.from() + keys + 1L) / 2;
    if (weights > MAX_WEIGHTS) {
      throw new InvalidInputException(
          "text",
          keys + " tokens, " + scores.size() + " heads",
          "a page holds at most " + MAX_WEIGHTS + " weights; choose layers or positions");
    }
    List<Head> heads = new ArrayList<>();
    int next = 0;
    for (HookPoint point : cache.points()) {
      if (point.site() == HookSite.PATTERN) {
        Activation pattern = cache.get(point);
        for (int h = 0; h < pattern.shape().getFirst(); h++) {
          String about = about(scores.get(next++));
          heads.add(
              new Head(point.layer(), h, about, triangle(pattern.row(h), cache.from(), keys)));
        }
      }
    }
    return new AttentionView(
        "Attention",
        "Rows are queries, columns keys: how much of what a head writes at a token comes from each"
            + " earlier one. Arrow keys go from head to head, and from weight to weight.",
        TokenTexts.of(model, Arrays.stream(cache.tokens()).limit(keys).boxed().toList()),
        cache.from(),
        heads);
  }

  private static String about(HeadScores scores) {
    String about =
        String.format(
            Locale.ROOT,
            "entropy %.2f bits, previous %.2f, first %.2f",
            scores.entropy(),
            scores.previous(),
            scores.first());
    return Double.isNaN(scores.induction())
        ? about
        : about + String.format(Locale.ROOT, ", induction %.2f", scores.induction());
  }

  private static List<Integer> triangle(float[] pattern, int from, int keys) {
    var weights = new short[(keys - from) * (from + keys + 1) / 2];
    int next = 0;
    for (int i = from; i < keys; i++) {
      for (int j = 0; j <= i; j++) {
        weights[next++] = (short) Math.round(10_000 * pattern[(i - from) * keys + j]);
      }
    }
    return new Shorts(weights);
  }

  /** A compact list of small numbers. */
  private static final class Shorts extends AbstractList<Integer> {
    private final short[] values;

    Shorts(short[] values) {
      this.values = values;
    }

    @Override
    public Integer get(int i) {
      return (int) values[i];
    }

    @Override
    public int size() {
      return values.length;
    }
  }
}
