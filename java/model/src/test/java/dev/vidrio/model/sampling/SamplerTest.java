package dev.vidrio.model.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class SamplerTest {

  private static MemorySegment segment(float... logits) {
    return Arena.ofAuto().allocateFrom(JAVA_FLOAT, logits);
  }

  /** Implements the specification of {@link Sampler} step by step over a sorted list. */
  private static int reference(
      float[] raw, SamplingOptions o, List<Integer> history, boolean excludes, double uniform) {
    float[] logits = raw.clone();
    o.logitBias().forEach((token, bias) -> logits[token] += bias);
    int from = Math.max(0, history.size() - o.penaltyWindow());
    Map<Integer, Integer> counts = new HashMap<>();
    history.subList(from, history.size()).forEach(t -> counts.merge(t, 1, Integer::sum));
    counts.forEach(
        (token, count) -> {
          float r = (float) o.repeatPenalty();
          logits[token] = logits[token] > 0 ? logits[token] / r : logits[token] * r;
          logits[token] -= count * (float) o.frequencyPenalty() + (float) o.presencePenalty();
        });
    repetitions(history, o.dry())
        .forEach(
            (token, length) ->
                logits[token] -=
                    (float)
                        (o.dry().multiplier()
                            * Math.pow(o.dry().base(), length - o.dry().allowedLength())));
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < logits.length; i++) {
      order.add(i);
    }
    order.sort(
        Comparator.comparingDouble((Integer i) -> -logits[i])
            .thenComparing(Comparator.naturalOrder()));
    if (o.temperature() == 0 && !o.excludesLikely()) {
      return order.getFirst();
    }
    if (o.topNSigma() > 0) {
      double mean = order.stream().mapToDouble(i -> logits[i]).average().orElseThrow();
      double variance =
          order.stream()
              .mapToDouble(i -> (logits[i] - mean) * (logits[i] - mean))
              .average()
              .orElseThrow();
      double least = logits[order.getFirst()] - o.topNSigma() * Math.sqrt(variance);
      order = order.stream().filter(i -> logits[i] >= least).toList();
    }
    List<Integer> kept = o.topK() == 0 ? order : order.subList(0, Math.min(o.topK(), order.size()));
    double top = logits[kept.getFirst()];
    double sum = kept.stream().mapToDouble(i -> StrictMath.exp(logits[i] - top)).sum();
    if (o.topP() < 1) {
      double reached = 0;
      int n = 0;
      while (n < kept.size() && reached < o.topP() * sum) {
        reached += StrictMath.exp(logits[kept.get(n)] - top);
        n++;
      }
      kept = kept.subList(0, Math.max(1, n));
    }
    List<Integer> last =
        kept.stream().filter(i -> StrictMath.exp(logits[i] - top) >= o.minP()).toList();
    last = last.isEmpty() ? kept.subList(0, 1) : last;
    double all = last.stream().mapToDouble(i -> StrictMath.exp(logits[i] - top)).sum();
    long likely =
        last.stream()
            .filter(i -> StrictMath.exp(logits[i] - top) >= o.xtcThreshold() * all)
            .count();
    if (excludes && likely > 1) {
      last = last.subList((int) likely - 1, last.size());
    }
    if (o.temperature() == 0) {
      return last.getFirst();
    }
    double mass =
        last.stream().mapToDouble(i -> StrictMath.exp((logits[i] - top) / o.temperature())).sum();
    double target = uniform * mass;
    for (int i : last) {
      target -= StrictMath.exp((logits[i] - top) / o.temperature());
      if (target < 0) {
        return i;
      }
    }
    return last.getLast();
  }

  /** Returns the lengths of repetitions that a token would continue, by comparing all positions. */
  private static Map<Integer, Integer> repetitions(List<Integer> history, DryOptions dry) {
    Map<Integer, Integer> longest = new HashMap<>();
    int from = Math.max(0, history.size() - dry.window());
    List<Integer> window = history.subList(from, history.size());
    if (!dry.isActive() || window.size() <= dry.allowedLength()) {
      return longest;
    }
    for (int i = 0; i < window.size(); i++) {
      int length = 0;
      while (length < i
          && window.get(i - 1 - length).equals(window.get(window.size() - 1 - length))) {
        length++;
      }
      if (i > 0 && length >= dry.allowedLength()) {
        longest.merge(window.get(i), length, Math::max);
      }
    }
    return longest;
  }

  private static SamplingOptions randomOptions(SplittableRandom random, int vocabulary) {
    return SamplingOptions.builder()
        .temperature(random.nextInt(4) == 0 ? 0 : 0.2 + random.nextDouble() * 2)
        .topK(random.nextInt(3) == 0 ? 0 : 1 + random.nextInt(vocabulary + 5))
        .topP(random.nextInt(3) == 0 ? 1 : random.nextDouble())
        .minP(random.nextInt(3) == 0 ? 0 : random.nextDouble() * 0.3)
        .repeatPenalty(random.nextBoolean() ? 1 : 1.3)
        .frequencyPenalty(random.nextBoolean() ? 0 : 0.4)
        .presencePenalty(random.nextBoolean() ? 0 : 0.7)
        .penaltyWindow(random.nextInt(20))
        .dry(
            new DryOptions(
                random.nextBoolean() ? 0 : 0.5,
                1.5,
                random.nextInt(3),
                random.nextInt(20),
                List.of()))
        .topNSigma(random.nextBoolean() ? 0 : 0.3 + random.nextDouble())
        .xtc(random.nextBoolean() ? 0 : random.nextDouble(), 0.6 * random.nextDouble())
        .logitBias(random.nextBoolean() ? Map.of() : Map.of(random.nextInt(vocabulary), 2.5f))
        .seed(random.nextLong())
        .build();
  }

  /** Returns the result of the top-k operation, by sorting. */
  private static Candidates candidates(float[] logits, int k) {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < logits.length; i++) {
      order.add(i);
    }
    order.sort(
        Comparator.comparingDouble((Integer i) -> -logits[i])
            .thenComparing(Comparator.naturalOrder()));
    int[] ids = order.stream().limit(k).mapToInt(Integer::intValue).toArray();
    var values = new float[k];
    for (int i = 0; i < k; i++) {
      values[i] = logits[ids[i]];
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - values[0]);
    }
    MemorySegment idSegment = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_INT, ids);
    return new Candidates(idSegment, segment(values), values[0], (float) sum);
  }

  /** Includes penalties, positive biases, and too few candidates. */
  @RepeatedTest(500)
  void choosesTheSameFromCandidates(RepetitionInfo repetition) {
    var random = new SplittableRandom(repetition.getCurrentRepetition());
    int vocabulary = 1 + random.nextInt(200);
    int k = 1 + random.nextInt(Math.min(vocabulary, 20));
    SamplingOptions drawn = randomOptions(random, vocabulary);
    SamplingOptions options =
        SamplingOptions.builder()
            .temperature(drawn.temperature())
            .topK(random.nextInt(4) == 0 ? 0 : 1 + random.nextInt(k))
            .topP(drawn.topP())
            .minP(drawn.minP())
            .repeatPenalty(random.nextBoolean() ? 1 : random.nextBoolean() ? 1.3 : 0.7)
            .frequencyPenalty(random.nextBoolean() ? 0 : random.nextDouble() - 0.5)
            .presencePenalty(drawn.presencePenalty())
            .penaltyWindow(drawn.penaltyWindow())
            .dry(drawn.dry())
            .topNSigma(random.nextInt(4) == 0 ? 1 : 0)
            .xtc(drawn.xtcProbability(), drawn.xtcThreshold())
            .logitBias(drawn.logitBias())
            .seed(drawn.seed())
            .build();
    var fromAll = new Sampler(options, vocabulary);
    var fromCandidates = new Sampler(options, vocabulary);
    for (int i = 0; i < 30; i++) {
      var logits = new float[vocabulary];
      for (int j = 0; j < vocabulary; j++) {
        logits[j] = random.nextBoolean() ? random.nextInt(9) - 4 : 8 * random.nextFloat() - 4;
      }
      MemorySegment row = segment(logits);
      int expected = fromAll.sample(row, null);
      assertEquals(expected, fromCandidates.sample(candidates(logits, k), row), options.toString());
      fromAll.accept(expected);
      fromCandidates.accept(expected);
    }
  }

  /** Compares with a row with −∞ as the masked logits; some masks leave few candidates. */
  @RepeatedTest(500)
  void maskEqualsMinusInfinity(RepetitionInfo repetition) {
    var random = new SplittableRandom(repetition.getCurrentRepetition());
    int vocabulary = 1 + random.nextInt(200);
    int k = 1 + random.nextInt(Math.min(vocabulary, 64));
    SamplingOptions options = randomOptions(random, vocabulary);
    var masked = new Sampler(options, vocabulary);
    var fromCandidates = new Sampler(options, vocabulary);
    var byDefinition = new Sampler(options, vocabulary);
    for (int i = 0; i < 30; i++) {
      double share = random.nextDouble();
      var allowed = new long[(vocabulary + 63) / 64];
      int certain = random.nextInt(vocabulary);
      var logits = new float[vocabulary];
      var forbidden = new float[vocabulary];
      for (int j = 0; j < vocabulary; j++) {
        logits[j] = random.nextBoolean() ? random.nextInt(9) - 4 : 8 * random.nextFloat() - 4;
        boolean in = j == certain || random.nextDouble() < share;
        allowed[j / 64] |= in ? 1L << j : 0;
        forbidden[j] = in ? logits[j] : Float.NEGATIVE_INFINITY;
      }
      MemorySegment row = segment(logits);
      int expected = byDefinition.sample(segment(forbidden), null);
      assertEquals(expected, masked.sample(row, allowed), options.toString());
      Candidates candidates = candidates(logits, k);
      assertEquals(expected, fromCandidates.sample(candidates, row, allowed), options.toString());
      for (Sampler each : List.of(masked, fromCandidates, byDefinition)) {
        each.accept(expected);
      }
    }
  }

  @Test
  void maskHoldsForAllLogits() {
    float inf = Float.POSITIVE_INFINITY;
    for (SamplingOptions options :
        List.of(SamplingOptions.GREEDY, SamplingOptions.builder().topK(0).minP(0).build())) {
      for (float value : new float[] {-inf, Float.NaN, 0, inf}) {
        MemorySegment row = segment(inf, 3, value, 1);
        assertEquals(2, new Sampler(options, 4).sample(row, new long[] {0b100}));
      }
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> new Sampler(SamplingOptions.GREEDY, 4).sample(segment(0, 1, 2, 3), new long[1]));
  }

  /** The whole row is not read if the candidates suffice. */
  @Test
  void readsOnlyCandidatesIfTheySuffice() {
    var logits = new float[] {5, 4, 3, 2, 1, 0};
    Candidates candidates = candidates(logits, 3);
    MemorySegment rest = segment(5, 4, 3, 99, 99, 99);
    SamplingOptions options = SamplingOptions.builder().topK(3).build();
    for (int i = 0; i < 100; i++) {
      assertTrue(new Sampler(options, 6).sample(candidates, rest) < 3);
    }
    assertEquals(0, new Sampler(SamplingOptions.GREEDY, 6).sample(candidates, rest));
    assertEquals(LogProbability.of(segment(logits), 1), candidates.logProbability(logits[1]), 1e-6);
  }

  @RepeatedTest(200)
  void matchesItsSpecification(RepetitionInfo repetition) {
    var random = new SplittableRandom(repetition.getCurrentRepetition());
    int vocabulary = 1 + random.nextInt(60);
    SamplingOptions options = randomOptions(random, vocabulary);
    var sampler = new Sampler(options, vocabulary);
    var generator = new SplitMix64(options.seed());
    List<Integer> history = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      var logits = new float[vocabulary];
      for (int j = 0; j < vocabulary; j++) {
        // Few distinct values, so that ties are common.
        logits[j] = random.nextInt(9) - 4;
      }
      boolean excludes =
          options.excludesLikely() && generator.nextDouble() <= options.xtcProbability();
      double uniform = options.temperature() == 0 ? 0 : generator.nextDouble();
      int expected = reference(logits, options, history, excludes, uniform);
      int token = sampler.sample(segment(logits), null);
      assertEquals(expected, token, options.toString());
      sampler.accept(token);
      history.add(token);
    }
  }

  /** The published outputs of SplitMix64 for seed 1234567. */
  @Test
  void generatorIsSplitMix64() {
    var generator = new SplitMix64(1234567);
    for (String expected :
        List.of(
            "6457827717110365317",
            "3203168211198807973",
            "9817491932198370423",
            "4593380528125082431",
            "16408922859458223821")) {
      assertEquals(expected, Long.toUnsignedString(generator.next()));
    }
  }

  @Test
  void frequenciesMatchTheDistribution() {
    MemorySegment logits =
        segment((float) Math.log(0.5), (float) Math.log(0.3), (float) Math.log(0.2));
    var sampler =
        new Sampler(
            SamplingOptions.builder().temperature(1).topK(0).topP(1).minP(0).seed(7).build(), 3);
    var counts = new int[3];
    int n = 100_000;
    for (int i = 0; i < n; i++) {
      counts[sampler.sample(logits, null)]++;
    }
    // Five standard deviations of a binomial count.
    assertEquals(0.5 * n, counts[0], 5 * Math.sqrt(n * 0.25));
    assertEquals(0.3 * n, counts[1], 5 * Math.sqrt(n * 0.21));
    assertEquals(0.2 * n, counts[2], 5 * Math.sqrt(n * 0.16));
  }

  @Test
  void acceptsInfiniteAndNanLogits() {
    float inf = Float.POSITIVE_INFINITY;
    SamplingOptions options = SamplingOptions.builder().temperature(1).seed(1).build();
    for (float[] logits :
        new float[][] {
          {Float.NaN, 1, Float.NaN}, {-inf, -inf, 2}, {inf, 1, inf}, {-inf, -inf, -inf}, {0, -0f, 0}
        }) {
      for (SamplingOptions each : List.of(options, SamplingOptions.GREEDY)) {
        int token = new Sampler(each, 3).sample(segment(logits), null);
        assertTrue(token >= 0 && token < 3);
      }
    }
    assertEquals(1, new Sampler(SamplingOptions.GREEDY, 3).sample(segment(Float.NaN, 1, 0), null));
    assertEquals(2, new Sampler(options, 3).sample(segment(-inf, -inf, 2), null));
  }

  @Test
  void namesOptionsOutOfRange() {
    assertEquals(
        "DRY sequence breaker : must have 1 to 40 bytes",
        assertThrows(
                InvalidInputException.class, () -> DryOptions.OFF.withBreakers(List.of("a", "")))
            .getMessage()
            .replace("breaker:", "breaker :"));
    assertEquals(
        "DRY base 0.5: must be 1 to 1000",
        assertThrows(InvalidInputException.class, () -> DryOptions.OFF.withBase(0.5)).getMessage());
    assertEquals(
        "XTC threshold 2: must be 0 to 1",
        assertThrows(
                InvalidInputException.class, () -> SamplingOptions.builder().xtc(0.5, 2).build())
            .getMessage());
    assertEquals(
        "DRY sequence breakers [x]: need a tokenizer: must be empty without one",
        assertThrows(
                InvalidInputException.class,
                () ->
                    new Sampler(
                        SamplingOptions.builder()
                            .dry(DryOptions.OFF.withMultiplier(1).withBreakers(List.of("x")))
                            .build(),
                        5))
            .getMessage());
    assertEquals(
        "temperature -1: must be 0 to 100",
        assertThrows(
                InvalidInputException.class,
                () -> SamplingOptions.builder().temperature(-1).build())
            .getMessage());
    assertEquals(
        "top-p NaN: must be 0 to 1",
        assertThrows(
                InvalidInputException.class,
                () -> SamplingOptions.builder().topP(Double.NaN).build())
            .getMessage());
    assertEquals(
        "logit bias of token id 9: must be 0 to 4",
        assertThrows(
                InvalidInputException.class,
                () -> new Sampler(SamplingOptions.builder().logitBias(Map.of(9, 1f)).build(), 5))
            .getMessage());
  }
}
