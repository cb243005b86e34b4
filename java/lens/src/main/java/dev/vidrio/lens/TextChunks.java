package dev.vidrio.lens;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;

/** Splits a long text into chunks for separate runs. */
public final class TextChunks {
  private TextChunks() {}

  /**
   * Splits a text; each chunk begins with BOS if the model requires it.
   *
   * @param tokens of the whole text, with BOS if the model requires it
   * @param length of a chunk, including BOS; a remainder of one token is dropped
   */
  public static List<int[]> of(Model model, int[] tokens, int length) {
    List<int[]> chunks = split(model, tokens, length);
    Preconditions.require(
        !chunks.isEmpty(), "text", tokens.length + " tokens", "must have at least 2 tokens");
    return chunks;
  }

  /**
   * Splits a piece of a longer text as {@link #of}; no chunk remains of one token.
   *
   * @param tokens of the piece, with BOS if the model requires it
   */
  public static List<int[]> split(Model model, int[] tokens, int length) {
    int declared = model.architecture().contextLength();
    Preconditions.requireRange("length", length, 2, declared);
    int[] begin = model.tokenizer().encode("");
    boolean begins =
        begin.length > 0
            && tokens.length >= begin.length
            && Arrays.equals(begin, Arrays.copyOf(tokens, begin.length));
    int prefix = begins ? begin.length : 0;
    List<int[]> chunks = new ArrayList<>();
    int step = length - prefix;
    for (int from = prefix; from < tokens.length; from += step) {
      int[] chunk = Arrays.copyOf(begin, prefix + Math.min(step, tokens.length - from));
      System.arraycopy(tokens, from, chunk, prefix, chunk.length - prefix);
      if (chunk.length > 1) {
        chunks.add(chunk);
      }
    }
    return chunks;
  }

  /**
   * Returns the activations at a point for all tokens but the first of each text. Activations of
   * the first token depend on the position rather than on the text.
   *
   * @param hook the name of one point
   * @return [n][width]
   */
  public static float[][] activations(Lens lens, String hook, List<int[]> texts) {
    HookPoint point = Preconditions.requireOne(hook, lens.points(hook));
    return activations(lens, List.of(point), texts).getFirst();
  }

  /**
   * Returns the activations at several points for all tokens but the first of each text, from one
   * pass.
   *
   * @return of each point, [n][width]
   */
  public static List<float[][]> activations(Lens lens, List<HookPoint> points, List<int[]> texts) {
    points.forEach(Preconditions::requireRows);
    String names = points.stream().map(HookPoint::name).distinct().collect(Collectors.joining(","));
    List<List<float[]>> rows = new ArrayList<>();
    points.forEach(point -> rows.add(new ArrayList<>()));
    for (int[] tokens : texts) {
      try (ActivationCache cache =
          lens.run(tokens, Capture.of(names).positions(1, tokens.length))) {
        for (int i = 0; i < points.size(); i++) {
          Collections.addAll(rows.get(i), cache.get(points.get(i)).rows());
        }
      }
    }
    return rows.stream().map(all -> all.toArray(float[][]::new)).toList();
  }
}
