package dev.vidrio.engine.pace;

/**
 * Decides how many prompt tokens a step takes: chunked prefill (Agrawal et al. 2023, arXiv
 * 2308.16369). If few requests wait for their first token, chunks lengthen a step by only a part of
 * the time that decoding takes, so that running requests are hardly slowed down. If more requests
 * wait than generate, prompts get a larger share, so that the engine soon decodes for all of them.
 * Chunking changes no bits of any answer, so it may depend on measured time. Not thread-safe.
 */
public final class PrefillBudget {
  /** The share of the decoding time that one waiting prompt may add to a step. */
  private static final double FIRST = 0.6;

  /** The share that each further prompt may add. */
  private static final double FURTHER = 0.3;

  /** The maximum share. */
  private static final double MAX_SHARE = 4;

  /** The minimum chunk; fewer tokens cost much more each. */
  private static final int MIN_TOKENS = 2;

  /** one step in this many runs without prompts, to measure the decoding time anew. */
  private static final int PERIOD = 16;

  /** A step that exceeds its expected time by this factor was delayed by other processes. */
  private static final double MAX_SLOWDOWN = 1.25;

  /** The weight of a new measurement. */
  private static final double WEIGHT = 0.2;

  private double decodeNanos;
  private int decodeTokens;
  private double perPrompt;
  private int mixed;

  /** Creates a budget without measurements. */
  public PrefillBudget() {}

  /**
   * Returns the maximum number of prompt tokens of the next step.
   *
   * @param decoding tokens of sequences that generate
   * @param waiting sequences that do not generate yet
   * @param free tokens that the step can still take
   */
  public int promptTokens(int decoding, int waiting, int free) {
    if (decoding == 0) {
      return free;
    }
    if (mixed == PERIOD - 1) {
      return 0;
    }
    if (decodeNanos == 0 || perPrompt == 0) {
      return Math.min(free, MIN_TOKENS);
    }
    double fitting = share(decoding, waiting) * decodeNanos / perPrompt;
    return (int) Math.min(free, Math.max(MIN_TOKENS, fitting));
  }

  /** Returns the time of prompts as a share of the decoding time. */
  private static double share(int decoding, int waiting) {
    double queued = FIRST + FURTHER * (waiting - 1);
    return Math.min(MAX_SHARE, Math.max(queued, (double) waiting / decoding));
  }

  /** Adds the measured time of a step with its numbers of decoding and prompt tokens. */
  public void observe(int decoding, int prompt, double nanos) {
    mixed = prompt > 0 && decoding > 0 ? mixed + 1 : 0;
    if (prompt == 0) {
      double trusted = Math.min(nanos, MAX_SLOWDOWN * atMost(decoding));
      decodeNanos =
          decoding == decodeTokens
              ? CompletionStats.recentMean(decodeNanos, trusted, WEIGHT)
              : trusted;
      decodeTokens = decoding;
    } else if (decoding == 0) {
      perPrompt = CompletionStats.recentMean(perPrompt, nanos / prompt, WEIGHT);
    } else if (decoding == decodeTokens && nanos > decodeNanos) {
      perPrompt = CompletionStats.recentMean(perPrompt, (nanos - decodeNanos) / prompt, WEIGHT);
    }
  }

  /** Returns the nanoseconds per prompt token while nothing generates; 0 before the first. */
  double promptNanos() {
    return perPrompt;
  }

  /**
   * Returns the factor by which prompts take longer while other requests generate.
   *
   * @param decoding sequences that generate
   * @param waiting sequences that do not generate yet
   */
  static double slowdown(int decoding, int waiting) {
    return decoding == 0 ? 1 : 1 + 1 / share(decoding, waiting);
  }

  /** Returns an upper bound of the time of a decoding step: more tokens take no more time each. */
  private double atMost(int decoding) {
    return decodeNanos == 0
        ? Double.MAX_VALUE
        : decodeNanos * Math.max(1, (double) decoding / decodeTokens);
  }
}
