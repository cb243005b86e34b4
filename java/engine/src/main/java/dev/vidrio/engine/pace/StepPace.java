package dev.vidrio.engine.pace;

/**
 * How many tokens of prompts a step may take: chunked prefill (Agrawal et al. 2023, arXiv
 * 2308.16369). Where few wait for their first token, chunks are as long as the machine can run in
 * the time that the others' tokens take themselves, so that these hardly notice; where more wait
 * than generate, time is shared out among all, so that a full engine does not creep along with few.
 * The division of prompts into chunks changes no bits, so that it may depend on time. For one
 * thread.
 */
public final class StepPace {
  /** One prompt may make a step longer by this part, */
  private static final double FIRST = 0.6;

  /** each further one by this part more, until they take as long as the others' tokens, */
  private static final double FURTHER = 0.1;

  /** or by so much where more requests wait than generate. */
  private static final double GREATEST = 4;

  /** Fewer tokens would cost much more each. */
  private static final int LEAST = 2;

  /** Of so many steps one has no prompt, which shows what those that generate take now. */
  private static final int PERIOD = 16;

  /** A step that takes longer than this by what was known has waited for the machine, in part. */
  private static final double SLOWER = 1.25;

  /** The weight of a new measurement. */
  private static final double WEIGHT = 0.2;

  private double decodeNanos;
  private int decodeTokens;
  private double perPrompt;
  private int mixed;

  /**
   * The most tokens of prompts.
   *
   * @param decoding tokens of sequences that generate
   * @param waiting sequences that do not generate yet
   * @param room tokens that the step has left
   */
  public int promptTokens(int decoding, int waiting, int room) {
    if (decoding == 0) {
      return room;
    }
    if (mixed == PERIOD - 1) {
      return 0;
    }
    if (decodeNanos == 0 || perPrompt == 0) {
      return Math.min(room, LEAST);
    }
    double fitting = share(decoding, waiting) * decodeNanos / perPrompt;
    return (int) Math.min(room, Math.max(LEAST, fitting));
  }

  /** What prompts take of the time, beside what generates. */
  private static double share(int decoding, int waiting) {
    return waiting > decoding
        ? Math.min(GREATEST, (double) waiting / decoding)
        : Math.min(1, FIRST + FURTHER * (waiting - 1));
  }

  /** Learns from a step: nanoseconds it took, and its tokens of both kinds. */
  public void observe(int decoding, int prompt, double nanos) {
    mixed = prompt > 0 && decoding > 0 ? mixed + 1 : 0;
    if (prompt == 0) {
      double trusted = Math.min(nanos, SLOWER * atMost(decoding));
      decodeNanos =
          decoding == decodeTokens ? RecentMean.of(decodeNanos, trusted, WEIGHT) : trusted;
      decodeTokens = decoding;
    } else if (decoding == 0) {
      perPrompt = RecentMean.of(perPrompt, nanos / prompt, WEIGHT);
    } else if (decoding == decodeTokens && nanos > decodeNanos) {
      perPrompt = RecentMean.of(perPrompt, (nanos - decodeNanos) / prompt, WEIGHT);
    }
  }

  /** Nanoseconds that a token of a prompt takes, where nothing generates; 0 before the first. */
  double promptNanos() {
    return perPrompt;
  }

  /**
   * How many times as long prompts take beside what generates.
   *
   * @param decoding sequences that generate
   * @param waiting sequences that do not generate yet
   */
  static double slowdown(int decoding, int waiting) {
    return decoding == 0 ? 1 : 1 + 1 / share(decoding, waiting);
  }

  /** Nanoseconds of tokens that generate: more of them take no more each. */
  private double atMost(int decoding) {
    return decodeNanos == 0
        ? Double.MAX_VALUE
        : decodeNanos * Math.max(1, (double) decoding / decodeTokens);
  }
}
