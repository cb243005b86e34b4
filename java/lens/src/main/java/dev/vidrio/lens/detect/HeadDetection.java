package dev.vidrio.lens.detect;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.function.IntPredicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Finds previous-token, duplicate-token and induction heads and attention sinks by what heads
 * attend to in texts {@code [BOS, r, r]} of random tokens that repeat once (Olsson et al. 2022,
 * arXiv 2209.11895).
 *
 * @param samples texts
 * @param length S, the tokens of {@code r}
 * @param heads the means over the texts, by layer and head
 */
public record HeadDetection(int samples, int length, List<HeadScores> heads) {
  /** Texts that give means with two steady digits. */
  public static final int SAMPLES = 4;

  /** S that most publications use. */
  public static final int LENGTH = 50;

  public HeadDetection {
    heads = List.copyOf(heads);
  }

  /**
   * Runs the texts that a seed gives.
   *
   * @param samples at least 1
   * @param length 2 to {@link #longest}
   */
  public static HeadDetection of(Lens lens, int samples, int length, long seed) {
    Model model = lens.model();
    requireRange("samples", samples, 1, 1000);
    requireRange("length", length, 2, longest(model));
    var random = new Random(seed);
    List<List<HeadScores>> runs = new ArrayList<>();
    for (int sample = 0; sample < samples; sample++) {
      int[] text = text(model.tokenizer(), random, length);
      try (ActivationCache cache = lens.run(text, Capture.of("*.hook_pattern"))) {
        runs.add(HeadScores.of(cache));
      }
    }
    List<HeadScores> means =
        IntStream.range(0, runs.getFirst().size())
            .mapToObj(i -> HeadScores.mean(runs.stream().map(run -> run.get(i)).toList()))
            .toList();
    return new HeadDetection(samples, length, means);
  }

  /**
   * The greatest S: of tokens that the vocabulary has, twice as many and BOS must fit into the
   * context.
   */
  public static int longest(Model model) {
    return Math.min((model.architecture().contextLength() - 1) / 2, ordinary(model.tokenizer()));
  }

  static void requireRange(String name, int value, int least, int greatest) {
    if (value < least || value > greatest) {
      throw new InvalidInputException(
          name, Integer.toString(value), "must be " + least + " to " + greatest);
    }
  }

  /** BOS, where the model has one, and twice the same different tokens that are no special ones. */
  static int[] text(Tokenizer tokenizer, Random random, int length) {
    int[] half = different(tokenizer, random, length);
    IntStream bos = tokenizer.bos().stream();
    return IntStream.concat(bos, IntStream.concat(IntStream.of(half), IntStream.of(half)))
        .toArray();
  }

  /** How many tokens are no special ones. */
  static int ordinary(Tokenizer tokenizer) {
    return (int)
        IntStream.range(0, tokenizer.vocabularySize()).filter(isOrdinary(tokenizer)).count();
  }

  private static IntPredicate isOrdinary(Tokenizer tokenizer) {
    return id -> !tokenizer.isSpecial(id) && tokenizer.bytes(id).length > 0;
  }

  /** Different tokens that are no special ones. */
  static int[] different(Tokenizer tokenizer, Random random, int count) {
    requireRange("tokens", count, 1, ordinary(tokenizer));
    return random
        .ints(0, tokenizer.vocabularySize())
        .filter(isOrdinary(tokenizer))
        .distinct()
        .limit(count)
        .toArray();
  }

  /** The heads with the greatest of a score first. */
  public List<HeadScores> ranked(ToDoubleFunction<HeadScores> score) {
    return heads.stream().sorted(Comparator.comparingDouble(score).reversed()).toList();
  }

  /**
   * The fraction of heads whose mean weight on position 0 is above a threshold: the sink rate of Gu
   * et al. (2024, arXiv 2410.10781), who take 0.3.
   */
  public double sinkRate(double threshold) {
    return heads.stream().filter(head -> head.first() > threshold).count() / (double) heads.size();
  }
}
