package dev.vidrio.engine.draft;

import dev.vidrio.engine.pace.StepCosts;

/**
 * Chooses the numbers of draft tokens of a step, so that the expected number of generated tokens
 * per time is largest: from the probabilities that the tokens are right, the times of steps by
 * their number of rows, and the time of drafting.
 *
 * <p>Since all of these are estimates, an account limits the loss. Its unit is the time of a step
 * without drafts. Each step adds {@link #LOSS} to the credit, and each accepted token the part of a
 * step that it saves; drafts may not cost more than the credit. Bits do not depend on drafts, so
 * drafts may depend on measured time. Used by the scheduler's thread only.
 */
final class DraftLength {
  /** The share of the time that drafts may cost in the long run. */
  private static final double LOSS = 0.02;

  /** The credit of a new engine. */
  private static final double FIRST_CREDIT = 1;

  /** The maximum credit, so that earlier gains do not allow later losses. */
  private static final double MAX_CREDIT = 8;

  /** Two steps in this many have one draft token more than is expected to pay. */
  private static final int PROBE_PERIOD = 64;

  /** One step in this many has no drafts, to measure its time anew. */
  private static final int PLAIN_PERIOD = 64;

  /**
   * A sequence that may have draft tokens.
   *
   * @param acceptance the probabilities that they are right
   * @param support the support of the first one
   * @param max their maximum number
   * @param catchUpNanos the time that the drafter needs once, before it can draft
   * @param remaining number of tokens that the sequence is expected to generate
   */
  record Offer(Acceptance acceptance, int support, int max, double catchUpNanos, int remaining) {
    /** Returns the expected number of accepted tokens of a draft. */
    double gain(int tokens) {
      double gain = 0;
      double allRight = 1;
      for (int i = 0; i < tokens; i++) {
        allRight *= acceptance.probability(support + i);
        gain += allRight;
      }
      return gain;
    }
  }

  private final StepCosts costs;
  private double credit = FIRST_CREDIT;
  private int sinceProbe;
  private int sincePlain;

  // The step that is composed.
  private int sequences;
  private int rows;
  private double draftNanos;
  private double expected;
  private double overhead;
  private double charged;

  /** Creates a choice without measurements, for steps of at most {@code maxRows} rows. */
  DraftLength(int maxRows) {
    this.costs = new StepCosts(maxRows);
  }

  /**
   * Begins a step.
   *
   * @param generating number of sequences that generate
   * @param draftTokenNanos estimated time in which a token is drafted for each of them
   */
  void begin(int generating, double draftTokenNanos) {
    sequences = generating;
    rows = generating;
    draftNanos = draftTokenNanos;
    expected = generating;
    overhead = 0;
    charged = 0;
    sinceProbe++;
    sincePlain++;
  }

  /** Chooses the number of draft tokens of the next sequence. */
  int choose(Offer offer) {
    if (sincePlain > PLAIN_PERIOD || !costs.covers(sequences)) {
      return 0;
    }
    double available = (credit - charged) * costs.nanos(sequences);
    int best = 0;
    double bestRate = rate(offer, 0);
    for (int count = 1; count <= offer.max() && cost(count) <= available; count++) {
      double rate = rate(offer, count);
      if (rate > bestRate) {
        best = count;
        bestRate = rate;
      }
    }
    double catchUp = best > 0 ? offer.catchUpNanos() / offer.remaining() : offer.catchUpNanos();
    if (sinceProbe >= PROBE_PERIOD && best < offer.max() && cost(best + 1) + catchUp <= available) {
      best++;
      // The second probe measures without the time to catch up.
      sinceProbe = sinceProbe == PROBE_PERIOD ? sinceProbe : 0;
    }
    if (best > 0) {
      add(offer, best, catchUp);
    }
    return best;
  }

  private void add(Offer offer, int tokens, double catchUp) {
    charged += (cost(tokens) + catchUp) / costs.nanos(sequences);
    expected += offer.gain(tokens);
    overhead += draftShare(tokens) + catchUp;
    rows += tokens;
  }

  /** Returns the expected number of tokens of the step per nanosecond, with one more draft. */
  private double rate(Offer offer, int tokens) {
    double once = tokens == 0 ? 0 : offer.catchUpNanos() / offer.remaining();
    double nanos = costs.nanos(rows + tokens) + overhead + draftShare(tokens) + once;
    return (expected + offer.gain(tokens)) / nanos;
  }

  /** Returns the estimated time of more draft tokens. */
  private double cost(int tokens) {
    return costs.nanos(rows + tokens) - costs.nanos(rows) + draftShare(tokens);
  }

  /** Returns the time of drafting tokens for one sequence. All that generate share the steps. */
  private double draftShare(int tokens) {
    return draftNanos * tokens / sequences;
  }

  /**
   * Adds the measurements of the step.
   *
   * @param ran number of rows, including draft tokens
   * @param accepted number of accepted draft tokens
   * @param nanos time of the step
   */
  void observe(int ran, int accepted, double nanos) {
    costs.observe(ran, nanos);
    sincePlain = ran == sequences ? 0 : sincePlain;
    double more = costs.nanos(ran) - costs.nanos(sequences) + overhead;
    double saved = (double) accepted / sequences;
    credit = Math.min(MAX_CREDIT, credit + LOSS + saved - more / costs.nanos(sequences));
  }
}
