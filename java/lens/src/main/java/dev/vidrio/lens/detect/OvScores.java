package dev.vidrio.lens.detect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.lens.Lens;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Scores of a head's output for an attended token, by its weights alone.
 *
 * @param layer from 0
 * @param head from 0
 * @param copying the fraction of tokens that are among the head's five most likely outputs for
 *     themselves (the copy score of Wang et al. 2023, arXiv 2211.00593)
 * @param negativeCopying the fraction of tokens that are among its five least likely outputs, as of
 *     negative name movers and in copy suppression (McDougall et al. 2023, arXiv 2310.04625)
 * @param successor the fraction of members of a sequence, such as days and numbers, for which the
 *     head makes the successor more likely than all other members (Gould et al. 2023, arXiv
 *     2312.09230); NaN if the vocabulary does not have two successive members
 * @see "docs/lens/mechanisms.md"
 */
public record OvScores(
    int layer, int head, double copying, double negativeCopying, double successor)
    implements ScoredHead {
  /** Number of most likely tokens that are counted. */
  private static final int TOP = 5;

  private static final List<String> SEQUENCES =
      List.of(
          "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
          "January February March April May June July August September October November December",
          "one two three four five six seven eight nine ten eleven twelve",
          "first second third fourth fifth sixth seventh eighth ninth tenth",
          "1 2 3 4 5 6 7 8 9",
          "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z");

  /** Counts of a head's outputs. */
  private static final class Counts {
    int copied;
    int suppressed;
    int succeeded;
  }

  /**
   * Scores all heads.
   *
   * @param samples number of tokens for the copying score, at least 1 and at most the size of the
   *     vocabulary
   * @param seed of their choice
   * @return by layer and head
   */
  public static List<OvScores> of(Lens lens, int samples, long seed) {
    Model model = lens.model();
    Preconditions.requireRange("samples", samples, 1, Integer.MAX_VALUE);
    int count = Math.min(samples, HeadDetection.ordinary(model.tokenizer()));
    int[] tokens = HeadDetection.different(model.tokenizer(), new Random(seed), count);
    var counts = new Counts[model.architecture().layers()][];
    HookMap hooks = HookMap.of(model);
    Arrays.setAll(counts, l -> counts(hooks.heads(l)));
    OvCircuits.logits(
        lens,
        tokens,
        (l, h, i, logits) -> {
          counts[l][h].copied += beyond(logits, tokens[i], 1) < TOP ? 1 : 0;
          counts[l][h].suppressed += isMostLowered(logits, tokens[i]) ? 1 : 0;
        });
    int pairs = 0;
    for (String names : SEQUENCES) {
      pairs += countSuccessors(lens, sequence(model.tokenizer(), names), counts);
    }
    List<OvScores> scores = new ArrayList<>();
    for (int l = 0; l < counts.length; l++) {
      for (int h = 0; h < counts[l].length; h++) {
        scores.add(scores(l, h, counts[l][h], count, pairs));
      }
    }
    return List.copyOf(scores);
  }

  private static Counts[] counts(int heads) {
    return Stream.generate(Counts::new).limit(heads).toArray(Counts[]::new);
  }

  private static OvScores scores(int layer, int head, Counts counts, double samples, int pairs) {
    return new OvScores(
        layer,
        head,
        counts.copied / samples,
        counts.suppressed / samples,
        pairs == 0 ? Double.NaN : counts.succeeded / (double) pairs);
  }

  /**
   * Returns the tokens of a sequence's members after a space; −1 for members that are not a single
   * token.
   */
  private static int[] sequence(Tokenizer tokenizer, String names) {
    return Arrays.stream(names.split(" "))
        .map(name -> tokenizer.encode(" " + name, new EncodeOptions(true, false)))
        .mapToInt(ids -> ids.length == 1 ? ids[0] : -1)
        .toArray();
  }

  /** Counts the successors that heads predict, and returns the number of pairs. */
  private static int countSuccessors(Lens lens, int[] sequence, Counts[][] counts) {
    int[] first =
        IntStream.range(0, sequence.length - 1)
            .filter(i -> sequence[i] >= 0 && sequence[i + 1] >= 0)
            .toArray();
    if (first.length > 0) {
      int[] tokens = Arrays.stream(first).map(i -> sequence[i]).toArray();
      OvCircuits.logits(
          lens,
          tokens,
          (l, h, i, logits) -> {
            float successor = logits.getAtIndex(JAVA_FLOAT, sequence[first[i] + 1]);
            boolean greatest =
                IntStream.range(0, sequence.length)
                    .filter(k -> sequence[k] >= 0 && k != first[i] + 1)
                    .allMatch(k -> logits.getAtIndex(JAVA_FLOAT, sequence[k]) < successor);
            counts[l][h].succeeded += greatest ? 1 : 0;
          });
    }
    return first.length;
  }

  /** Returns whether a token is among the five with the smallest logits. */
  static boolean isMostLowered(MemorySegment logits, int token) {
    return beyond(logits, token, -1) < TOP;
  }

  /**
   * Returns the number of logits larger than a token's after multiplication by a sign; −1 counts
   * smaller ones.
   */
  private static int beyond(MemorySegment logits, int token, int sign) {
    float own = logits.getAtIndex(JAVA_FLOAT, token);
    int beyond = 0;
    for (long v = 0; v < logits.byteSize() / Float.BYTES; v++) {
      beyond += sign * (logits.getAtIndex(JAVA_FLOAT, v) - own) > 0 ? 1 : 0;
    }
    return beyond;
  }
}
