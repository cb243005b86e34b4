package dev.vidrio.engine;

/**
 * How many tokens of prompts a step may take so that the sequences that generate hardly notice:
 * chunked prefill (Agrawal et al. 2023, arXiv 2308.16369) whose chunks are as long as the machine
 * can run in the time that the others' tokens take themselves. The division of prompts into chunks
 * changes no bits, so that it may depend on time. For one thread.
 */
final class StepPace {
  /** Prompts may make a step longer by this part. */
  private static final double SHARE = 0.8;

  /** Fewer tokens would cost much more each. */
  private static final int LEAST = 8;

  /** The weight of a new measurement. */
  private static final double WEIGHT = 0.2;

  private double perDecode;
  private double perPrompt;

  /**
   * The most tokens of prompts.
   *
   * @param decoding tokens of sequences that generate
   * @param room tokens that the step has left
   */
  int promptTokens(int decoding, int room) {
    if (decoding == 0) {
      return room;
    }
    if (perDecode == 0 || perPrompt == 0) {
      return Math.min(room, LEAST);
    }
    double fitting = SHARE * perDecode / perPrompt;
    return Math.min(room, Math.max(LEAST, (int) Math.min(fitting, room)));
  }

  /** Learns from a step: nanoseconds it took, and its tokens of both kinds. */
  void observe(int decoding, int prompt, long nanos) {
    if (prompt == 0) {
      perDecode = mean(perDecode, (double) nanos);
    } else if (decoding == 0) {
      perPrompt = mean(perPrompt, (double) nanos / prompt);
    } else if (nanos > perDecode) {
      perPrompt = mean(perPrompt, (nanos - perDecode) / prompt);
    }
  }

  private static double mean(double before, double value) {
    return before == 0 ? value : before + WEIGHT * (value - before);
  }
}
