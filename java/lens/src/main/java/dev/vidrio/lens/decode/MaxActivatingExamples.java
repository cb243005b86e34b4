package dev.vidrio.lens.decode;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The positions of texts where a scalar feature is most active (Dalvi et al. 2019, arXiv
 * 1812.09355; Bills et al. 2023), which hint at the meaning of a neuron, a head or a feature of a
 * sparse autoencoder. Texts are processed one by one; only the best positions are kept.
 *
 * @param examples in descending order of activation; among equals, the earlier one first
 * @param tokens number of tokens read
 * @param active the fraction of them with a positive activation
 * @see "docs/lens/decoding.md"
 */
public record MaxActivatingExamples(List<Example> examples, long tokens, double active) {
  /**
   * A position.
   *
   * @param text the index of the text, from 0
   * @param position of the token
   * @param value the activation
   * @param from the position of the first token of the context
   * @param context tokens around and at the position
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
   * Finds the examples. The first token of each text is ignored, since activations there depend on
   * the position rather than on the text.
   *
   * @param texts token ids of each
   * @param unit the scalar feature
   * @param count number of examples, at least 1
   * @param around number of context tokens before and after a position
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

  /** Returns the insertion index, after all equal activations. */
  private static int place(List<Example> best, float value) {
    int at = best.size();
    while (at > 0 && best.get(at - 1).value < value) {
      at--;
    }
    return at;
  }

  /** Returns an example with its context. */
  static Example example(int text, int[] ids, int position, float value, int around) {
    int from = Math.max(0, position - around);
    int to = (int) Math.min(ids.length, (long) position + around + 1);
    List<Integer> context = Arrays.stream(ids, from, to).boxed().toList();
    return new Example(text, position, value, from, context);
  }
}
