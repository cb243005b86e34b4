package dev.vidrio.engine.draft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Simulates machines, drafters and texts. The unit of time is a step of one row. */
class DraftLengthTest {
  private static final int MAX = 8;
  private static final int TOKENS = 4000;

  /** The time with a loss of 2 %, the first credit, and one step of unknown cost. */
  private static final double MAX_LOSS = 1.02 * TOKENS + 1 + MAX;

  /** A probability that is estimated from about ten tests is not known exactly. */
  private static final double NEAR = 1.15;

  /** Rows that cost 5 %, as where the weights are read slowly. */
  private static double cheap(int rows) {
    return 1 + 0.05 * (rows - 1);
  }

  /** Rows that cost 80 %, as where the arithmetic is slow. */
  private static double dear(int rows) {
    return 1 + 0.8 * (rows - 1);
  }

  /** One request of a machine. */
  private static final class Machine {
    final IntToDoubleFunction stepTime;
    final double draftTime;
    final boolean isFree;
    final DraftLength lengths = new DraftLength(64);
    final Acceptance acceptance = new Acceptance(new Acceptance(null));
    final Random random = new Random(7);
    double time;

    /** Creates a machine with a draft model, or without one if its time is 0. */
    Machine(IntToDoubleFunction stepTime, double draftTime) {
      this.stepTime = stepTime;
      this.draftTime = draftTime;
      this.isFree = draftTime == 0;
    }

    /**
     * Generates tokens of a text in which draft tokens are right with a probability; returns the
     * time.
     */
    double generate(int tokens, double probability) {
      double start = time;
      for (int generated = 0; generated < tokens; ) {
        lengths.begin(1, draftTime);
        int count = lengths.choose(new DraftLength.Offer(acceptance, 4, MAX, 0, 100));
        double nanos = stepTime.applyAsDouble(1 + count);
        int compared = Math.max(count, isFree ? 1 : 0);
        int accepted = 0;
        for (int i = 0; i < compared; i++) {
          boolean right = random.nextDouble() < probability;
          acceptance.observe(4 + i, right);
          if (!right) {
            break;
          }
          accepted += count > 0 ? 1 : 0;
        }
        lengths.observe(1 + count, accepted, nanos);
        time += nanos + count * draftTime;
        generated += 1 + accepted;
      }
      return time - start;
    }
  }

  /** Returns the time of a text with drafts of a fixed length. */
  private static double expected(
      IntToDoubleFunction stepTime, double draftTime, double probability, int count) {
    double gain = 0;
    for (int i = 1; i <= count; i++) {
      gain += Math.pow(probability, i);
    }
    return TOKENS / (1 + gain) * (stepTime.applyAsDouble(1 + count) + count * draftTime);
  }

  private static double best(IntToDoubleFunction stepTime, double draftTime, double probability) {
    double best = TOKENS;
    for (int count = 1; count <= MAX; count++) {
      best = Math.min(best, expected(stepTime, draftTime, probability, count));
    }
    return best;
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.3, 0.6, 0.8, 0.9, 1})
  void timeIsNearThatOfTheBestFixedLength(double probability) {
    for (double draftTime : new double[] {0, 0.1, 0.3, 1}) {
      assertNearBest(DraftLengthTest::cheap, draftTime, probability);
      assertNearBest(DraftLengthTest::dear, draftTime, probability);
    }
  }

  private static void assertNearBest(
      IntToDoubleFunction stepTime, double draftTime, double probability) {
    double time = new Machine(stepTime, draftTime).generate(TOKENS, probability);
    double best = best(stepTime, draftTime, probability);
    String what = "draft time %s: %s, best %s".formatted(draftTime, time, best);
    assertTrue(time <= MAX_LOSS, what);
    assertTrue(time <= NEAR * best, what);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.1})
  void noticesThatDraftsBeginToPay(double draftTime) {
    Machine machine = new Machine(DraftLengthTest::cheap, draftTime);
    assertTrue(machine.generate(TOKENS, 0) <= MAX_LOSS);
    double time = machine.generate(TOKENS, 0.9);
    assertTrue(time < 0.6 * TOKENS, "time " + time);
  }

  @Test
  void noticesThatDraftsNoLongerPay() {
    Machine machine = new Machine(DraftLengthTest::cheap, 0.1);
    machine.generate(TOKENS, 0.9);
    double time = machine.generate(TOKENS, 0);
    // In addition to the loss, the maximum credit of the part that paid.
    assertTrue(time <= MAX_LOSS + 8, "time " + time);
  }

  /** Slow steps of other processes do not end drafts for long. */
  @Test
  void draftsContinueAfterDelays() {
    Random random = new Random(3);
    Machine machine = new Machine(rows -> cheap(rows) * (random.nextInt(10) == 0 ? 5 : 1), 0);
    double time = machine.generate(TOKENS, 0.9);
    assertTrue(time < 0.8 * 1.4 * TOKENS, "time " + time);
  }

  /** Drafts pay for {@code copying} of 16 requests. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 8, 16})
  void requestsOfABatchHaveDraftsOfTheirOwn(int copying) {
    int sequences = 16;
    int steps = 500;
    DraftLength lengths = new DraftLength(256);
    Acceptance all = new Acceptance(null);
    List<Acceptance> each = Stream.generate(() -> new Acceptance(all)).limit(sequences).toList();
    Random random = new Random(5);
    double time = 0;
    long generated = 0;
    long[] drafted = new long[2];
    for (int step = 0; step < steps; step++) {
      lengths.begin(sequences, 0);
      int accepted = 0;
      int rows = sequences;
      for (int i = 0; i < sequences; i++) {
        double probability = i < copying ? 0.95 : 0.02;
        int count = lengths.choose(new DraftLength.Offer(each.get(i), 4, MAX, 0, 100));
        rows += count;
        drafted[i < copying ? 1 : 0] += count;
        boolean right = true;
        for (int j = 0; right && j < Math.max(1, count); j++) {
          right = random.nextDouble() < probability;
          each.get(i).observe(4 + j, right);
          accepted += right && count > 0 ? 1 : 0;
        }
      }
      lengths.observe(rows, accepted, cheap(rows));
      time += cheap(rows);
      generated += sequences + accepted;
    }
    double plain = (double) generated / sequences * cheap(sequences);
    assertTrue(time <= 1.02 * plain + (1 + MAX) * cheap(sequences), time + " of " + plain);
    assertTrue(copying == 0 || time < (1 - 0.02 * copying) * plain, time + " of " + plain);
    assertTrue(drafted[0] < steps, "drafted in vain: " + drafted[0]);
  }

  /** Returns a choice for a machine on which a step without drafts was measured. */
  private static DraftLength measured(int sequences) {
    DraftLength lengths = new DraftLength(64);
    lengths.begin(sequences, 0);
    lengths.observe(sequences, 0, cheap(sequences));
    return lengths;
  }

  @Test
  void draftsNothingBeforeItsCostIsKnown() {
    DraftLength lengths = new DraftLength(64);
    DraftLength.Offer offer = new DraftLength.Offer(new Acceptance(null), 30, MAX, 0, 100);
    lengths.begin(2, 0);
    assertEquals(0, lengths.choose(offer));
    lengths.observe(2, 0, cheap(2));
    lengths.begin(2, 0);
    assertTrue(lengths.choose(offer) > 0);
    // The time of fewer sequences is not known.
    lengths.begin(1, 0);
    assertEquals(0, lengths.choose(offer));
  }

  @Test
  void draftsNothingIfCatchingUpTakesLongerThanItSaves() {
    DraftLength lengths = measured(1);
    Acceptance acceptance = new Acceptance(null);
    lengths.begin(1, 0.1);
    assertEquals(0, lengths.choose(new DraftLength.Offer(acceptance, 6, MAX, 1000, 50)));
    assertTrue(lengths.choose(new DraftLength.Offer(acceptance, 6, MAX, 1000, 50_000)) > 0);
  }

  /** All sequences of a step pay for a row, whether its token is accepted or not. */
  @Test
  void likelierDraftsAreLonger() {
    Acceptance likely = new Acceptance(null);
    Acceptance unlikely = new Acceptance(null);
    for (int i = 0; i < 20; i++) {
      for (int support = 4; support < 4 + MAX; support++) {
        likely.observe(support, true);
        unlikely.observe(support, i % 2 == 0);
      }
    }
    DraftLength lengths = measured(4);
    lengths.begin(4, 0);
    int few = lengths.choose(new DraftLength.Offer(unlikely, 4, MAX, 0, 100));
    int many = lengths.choose(new DraftLength.Offer(likely, 4, MAX, 0, 100));
    assertTrue(few < many, few + ", " + many);
    assertEquals(MAX, many);
  }
}
