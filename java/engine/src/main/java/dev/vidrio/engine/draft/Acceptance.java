package dev.vidrio.engine.draft;

import org.jspecify.annotations.Nullable;

/**
 * Estimates the probability that a draft token is right, by its {@linkplain Drafter#support
 * support}. Recent tests count most. A request begins with the estimates of all requests. Used by
 * the scheduler's thread only.
 */
final class Acceptance {
  /** The number of supports that are distinguished; larger ones count as the largest. */
  private static final int LEVELS = 33;

  /** The factor of the weight of earlier tests. */
  private static final double DECAY = 0.9;

  /** The number of tests that the prior counts for. */
  private static final double PRIOR_TESTS = 2;

  /** The support at which a token is right with a probability of 1/2, before the first test. */
  private static final double EVEN_SUPPORT = 3;

  private final @Nullable Acceptance prior;
  private final double[] right = new double[LEVELS];
  private final double[] tests = new double[LEVELS];

  /** Creates estimates without tests; if there is a prior, it receives the tests, too. */
  Acceptance(@Nullable Acceptance prior) {
    this.prior = prior;
  }

  /** Adds a draft token that was right or not. */
  void observe(int support, boolean isRight) {
    int level = level(support);
    right[level] = DECAY * right[level] + (isRight ? 1 : 0);
    tests[level] = DECAY * tests[level] + 1;
    if (prior != null) {
      prior.observe(support, isRight);
    }
  }

  /** Returns the estimated probability that a draft token is right if those before it are. */
  double probability(int support) {
    int level = level(support);
    double before = prior == null ? level / (level + EVEN_SUPPORT) : prior.probability(support);
    return (right[level] + PRIOR_TESTS * before) / (tests[level] + PRIOR_TESTS);
  }

  private static int level(int support) {
    return Math.min(support, LEVELS - 1);
  }
}
