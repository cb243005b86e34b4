package dev.vidrio.cli.chat;

import dev.vidrio.model.generation.GenerationResult;
import org.jspecify.annotations.Nullable;

/**
 * The tokens and times of an answer.
 *
 * @param promptTokens tokens of the prompt: the conversation before the answer
 * @param tokens tokens of the answer
 * @param first seconds to the first piece of text
 * @param rest seconds from the first piece to the end
 * @param drafts draft tokens; null without speculative decoding
 */
record ChatStatistics(
    int promptTokens, int tokens, double first, double rest, Answer.@Nullable Drafts drafts) {
  /** Measures an answer as it is generated. */
  static final class Clock {
    private final long start = System.nanoTime();
    private long first;

    /** Records a piece of text. */
    void piece() {
      first = first == 0 ? System.nanoTime() : first;
    }

    ChatStatistics statistics(GenerationResult result, Answer.@Nullable Drafts drafts) {
      long end = System.nanoTime();
      long begun = first == 0 ? end : first;
      return new ChatStatistics(
          result.promptTokens(),
          result.tokens().size(),
          (begun - start) / 1e9,
          (end - begun) / 1e9,
          drafts);
    }
  }

  @Override
  public String toString() {
    String speed = tokens > 1 ? String.format(", %.1f tokens/s", (tokens - 1) / rest) : "";
    String guessed =
        drafts == null
            ? ""
            : String.format(
                "; %d of %d draft tokens accepted", drafts.accepted(), drafts.proposed());
    return String.format(
        "%d prompt tokens, %.2f s to first token; %d answer tokens, %.2f s%s%s",
        promptTokens, first, tokens, rest, speed, guessed);
  }
}
