package dev.vidrio.cli.chat;

import dev.vidrio.model.generation.GenerationResult;
import java.util.Locale;

/**
 * The tokens of an answer, and how long they took.
 *
 * @param promptTokens of the conversation before it
 * @param tokens of the answer
 * @param first seconds until the first piece
 * @param rest seconds from there to the end
 */
record ChatStatistics(int promptTokens, int tokens, double first, double rest) {
  /** Measures an answer while it comes. */
  static final class Clock {
    private final long start = System.nanoTime();
    private long first;

    /** A piece has come. */
    void piece() {
      first = first == 0 ? System.nanoTime() : first;
    }

    ChatStatistics statistics(GenerationResult result) {
      long end = System.nanoTime();
      long begun = first == 0 ? end : first;
      return new ChatStatistics(
          result.promptTokens(),
          result.tokens().size(),
          (begun - start) / 1e9,
          (end - begun) / 1e9);
    }
  }

  @Override
  public String toString() {
    String speed =
        tokens > 1 ? String.format(Locale.ROOT, ", %.1f tokens/s", (tokens - 1) / rest) : "";
    return String.format(
        Locale.ROOT,
        "%d tokens of conversation, %.2f s to the first piece; %d tokens of answer, %.2f s%s",
        promptTokens,
        first,
        tokens,
        rest,
        speed);
  }
}
