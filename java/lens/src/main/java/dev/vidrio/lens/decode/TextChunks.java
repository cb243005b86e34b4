package dev.vidrio.lens.decode;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A long text in chunks, which a model reads one at a time. */
public final class TextChunks {
  private TextChunks() {}

  /**
   * Pieces of a text, each beginning as the model wants a text to: with BOS, or at once.
   *
   * @param tokens of the whole text, with BOS where the model wants it
   * @param length of a piece, BOS among it; a rest of one token is left out
   */
  public static List<int[]> of(Model model, int[] tokens, int length) {
    int declared = model.architecture().contextLength();
    if (length < 2 || length > declared) {
      throw new InvalidInputException(
          "length", Integer.toString(length), "must be 2 to " + declared);
    }
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
    if (chunks.isEmpty()) {
      throw new InvalidInputException("text", tokens.length + " tokens", "must have two or more");
    }
    return chunks;
  }

  /**
   * The activations at a point of all tokens but the first of each text: what models do there is
   * about the place rather than the text.
   *
   * @param hook the name of one point
   * @return [n][width]
   */
  public static float[][] activations(Lens lens, String hook, List<int[]> texts) {
    HookPoint point = Preconditions.requireOne(hook, lens.points(hook));
    List<float[]> rows = new ArrayList<>();
    for (int[] tokens : texts) {
      try (ActivationCache cache =
          lens.run(tokens, Capture.of(point.name()).positions(1, tokens.length))) {
        for (int i = 0; i < cache.rows(); i++) {
          rows.add(cache.get(point).row(i));
        }
      }
    }
    return rows.toArray(float[][]::new);
  }
}
