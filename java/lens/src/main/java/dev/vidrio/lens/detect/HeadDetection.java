package dev.vidrio.lens.detect;

import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
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
 * Which heads are previous-token, duplicate-token or induction heads, and which have attention
 * sinks? Measures the patterns of heads on texts {@code [BOS, r, r]} of random tokens that repeat
 * once (Olsson et al. 2022, arXiv 2209.11895).
 *
 * {@snippet file="LensExamplesTest.java" region="heads"}
 *
 * <p>Methods are thread-safe.
 *
 * @param samples number of texts
 * @param length S, the number of tokens of {@code r}
 * @param heads the means over the texts, by layer and head
 * @see HeadScores
 * @see "docs/lens/mechanisms.md"
 */
public record HeadDetection(int samples, int length, List<HeadScores> heads) {
  /** A number of texts that gives means with two stable digits. */
  public static final int SAMPLES = 4;

  /** The S of most publications. */
  public static final int LENGTH = 50;

  public HeadDetection {
    heads = List.copyOf(heads);
  }

  /**
   * Runs random texts.
   *
   * @param samples at least 1
   * @param length 2 to {@link #longest}
   */
  public static HeadDetection of(Lens lens, int samples, int length, long seed) {
    Model model = lens.model();
    Preconditions.requireRange("samples", samples, 1, 1000);
    Preconditions.requireRange("length", length, 2, longest(model));
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
   * Returns the maximum S: 2 S tokens and BOS must fit into the context, and S must not exceed the
   * vocabulary.
   */
  public static int longest(Model model) {
    return Math.min((model.architecture().contextLength() - 1) / 2, ordinary(model.tokenizer()));
  }

  /** Returns BOS, if the model has one, and two repetitions of distinct ordinary tokens. */
  static int[] text(Tokenizer tokenizer, Random random, int length) {
    int[] half = different(tokenizer, random, length);
    IntStream bos = tokenizer.bos().stream();
    return IntStream.concat(bos, IntStream.concat(IntStream.of(half), IntStream.of(half)))
        .toArray();
  }

  /** Returns the number of tokens that are not special. */
  static int ordinary(Tokenizer tokenizer) {
    return (int)
        IntStream.range(0, tokenizer.vocabularySize()).filter(isOrdinary(tokenizer)).count();
  }

  private static IntPredicate isOrdinary(Tokenizer tokenizer) {
    return id -> !tokenizer.isSpecial(id) && tokenizer.bytes(id).length > 0;
  }

  /** Returns distinct tokens that are not special. */
  static int[] different(Tokenizer tokenizer, Random random, int count) {
    Preconditions.requireRange("tokens", count, 1, ordinary(tokenizer));
    return random
        .ints(0, tokenizer.vocabularySize())
        .filter(isOrdinary(tokenizer))
        .distinct()
        .limit(count)
        .toArray();
  }

  /** Returns the heads in descending order of a score. */
  public List<HeadScores> ranked(ToDoubleFunction<HeadScores> score) {
    return heads.stream().sorted(Comparator.comparingDouble(score).reversed()).toList();
  }

  /**
   * Returns the fraction of heads with a mean weight on position 0 above a threshold: the sink rate
   * of Gu et al. (2024, arXiv 2410.10781), with a threshold of 0.3.
   */
  public double sinkRate(double threshold) {
    return heads.stream().filter(head -> head.first() > threshold).count() / (double) heads.size();
  }
}
