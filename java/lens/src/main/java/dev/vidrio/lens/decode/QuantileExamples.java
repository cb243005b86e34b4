package dev.vidrio.lens.decode;

import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.MaxActivatingExamples.Example;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Examples of a scalar feature from all of its range (Bills et al. 2023): the tokens of texts are
 * grouped by activation, from the lowest to the highest, and a few are chosen at random from each
 * group. The most active positions alone suggest a meaning that the rest of the range may not have
 * (Bolukbasi et al. 2021, arXiv 2104.07143).
 *
 * @param tokens number of tokens: all but the first of each text
 * @param groups from the lowest activations to the highest, of equal numbers of tokens but for
 *     rounding
 * @see MaxActivatingExamples
 * @see "docs/lens/decoding.md"
 */
public record QuantileExamples(long tokens, List<Group> groups) {
  /**
   * A group of tokens.
   *
   * @param from the lowest activation
   * @param to the highest activation
   * @param examples chosen at random, in descending order of activation
   */
  public record Group(float from, float to, List<Example> examples) {
    public Group {
      examples = List.copyOf(examples);
    }
  }

  public QuantileExamples {
    groups = List.copyOf(groups);
  }

  /**
   * Runs texts and chooses examples; needs 8 bytes per token in addition to the tokens.
   *
   * @param texts token ids of each
   * @param unit the scalar feature
   * @param groups number of groups, at least 1, such as 10 for deciles; at most the number of
   *     tokens
   * @param count examples of each group
   * @param around number of context tokens before and after a position
   * @param seed of the choice
   */
  public static QuantileExamples of(
      Lens lens,
      List<int[]> texts,
      ScalarFeature unit,
      int groups,
      int count,
      int around,
      long seed) {
    int tokens = texts.stream().mapToInt(text -> text.length - 1).sum();
    Preconditions.requirePositive("groups", groups);
    Preconditions.requirePositive("examples", count);
    Preconditions.require(around >= 0, "around", around, "must not be negative");
    Preconditions.require(
        groups <= tokens, "groups", groups, "must be at most the number of tokens, " + tokens);
    // Sorts activations with the indices of their tokens in the low bits.
    var order = new long[tokens];
    var firsts = new int[texts.size()];
    Capture capture = Capture.of(unit.point().name());
    int next = 0;
    for (int t = 0; t < texts.size(); t++) {
      firsts[t] = next;
      try (ActivationCache cache = lens.run(texts.get(t), capture)) {
        float[] values = unit.values(cache);
        for (int i = 1; i < values.length; i++) {
          order[next] = ((long) ascending(values[i]) << 32) | next;
          next++;
        }
      }
    }
    Arrays.sort(order);
    var random = new Random(seed);
    List<Group> made = new ArrayList<>();
    for (int g = 0; g < groups; g++) {
      int begin = (int) ((long) tokens * g / groups);
      int end = (int) ((long) tokens * (g + 1) / groups);
      List<Example> examples =
          random
              .ints(begin, end)
              .distinct()
              .limit(Math.min(count, end - begin))
              .boxed()
              .sorted(Collections.reverseOrder())
              .map(i -> example(texts, firsts, order[i], around))
              .toList();
      made.add(new Group(value(order[begin]), value(order[end - 1]), examples));
    }
    return new QuantileExamples(tokens, made);
  }

  private static Example example(List<int[]> texts, int[] firsts, long key, int around) {
    int index = (int) key;
    int found = Arrays.binarySearch(firsts, index);
    int text = found >= 0 ? found : -found - 2;
    return MaxActivatingExamples.example(
        text, texts.get(text), index - firsts[text] + 1, value(key), around);
  }

  /** Returns an integer in the order of floats. */
  private static int ascending(float value) {
    int bits = Float.floatToIntBits(value);
    return bits ^ ((bits >> 31) & Integer.MAX_VALUE);
  }

  private static float value(long key) {
    int ascending = (int) (key >> 32);
    return Float.intBitsToFloat(ascending ^ ((ascending >> 31) & Integer.MAX_VALUE));
  }
}
