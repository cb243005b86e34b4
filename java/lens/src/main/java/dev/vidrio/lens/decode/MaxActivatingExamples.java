package dev.vidrio.lens.decode;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The places of a text where a unit is most active (Dalvi et al. 2019, arXiv 1812.09355; Bills et
 * al. 2023): which hint at what a neuron, a head or a feature of a sparse autoencoder stands for.
 * Texts are read one by one; only the best places are kept.
 *
 * @param examples the most active place first; among equals, the earlier one
 * @param tokens that were read
 * @param active the fraction of them with an activation above 0
 */
public record MaxActivatingExamples(List<Example> examples, long tokens, double active) {
  /**
   * A place.
   *
   * @param text the number of the text, from 0
   * @param position of the token in it
   * @param value the activation there
   * @param from the position of the first token of the context
   * @param context tokens around and at the place
   */
  public record Example(int text, int position, float value, int from, List<Integer> context) {
    public Example {
      context = List.copyOf(context);
    }
  }

  public MaxActivatingExamples {
    examples = List.copyOf(examples);
  }

  /**
   * Finds them. The first token of each text does not count: what models do there is about the
   * place rather than the text.
   *
   * @param texts token ids of each
   * @param unit whose activation
   * @param count examples to keep, at least 1
   * @param around tokens before and after a place that belong to its context
   */
  public static MaxActivatingExamples of(
      Lens lens, Iterable<int[]> texts, ScalarFeature unit, int count, int around) {
    if (count < 1 || around < 0) {
      throw new InvalidInputException(
          "examples", count + " with " + around + " tokens around", "must be 1 or more, and 0");
    }
    List<Example> best = new ArrayList<>();
    Capture capture = Capture.of(unit.point().name());
    long tokens = 0;
    long active = 0;
    int text = 0;
    for (int[] ids : texts) {
      try (ActivationCache cache = lens.run(ids, capture)) {
        float[] values = unit.values(cache);
        for (int i = 1; i < values.length; i++) {
          tokens++;
          active += values[i] > 0 ? 1 : 0;
          int at = place(best, values[i]);
          if (at < count) {
            best.add(at, example(text, ids, i, values[i], around));
            best.subList(Math.min(count, best.size()), best.size()).clear();
          }
        }
      }
      text++;
    }
    return new MaxActivatingExamples(best, tokens, active / (double) Math.max(1, tokens));
  }

  /** Behind all that are as active. */
  private static int place(List<Example> best, float value) {
    int at = best.size();
    while (at > 0 && best.get(at - 1).value < value) {
      at--;
    }
    return at;
  }

  private static Example example(int text, int[] ids, int position, float value, int around) {
    int from = Math.max(0, position - around);
    int to = (int) Math.min(ids.length, (long) position + around + 1);
    List<Integer> context = Arrays.stream(ids, from, to).boxed().toList();
    return new Example(text, position, value, from, context);
  }
}
