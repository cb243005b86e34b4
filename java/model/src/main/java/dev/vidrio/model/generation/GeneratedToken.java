package dev.vidrio.model.generation;

import org.jspecify.annotations.Nullable;

/**
 * A generated token and the text that became known with it. Text is held back while it may be part
 * of an incomplete character or, in {@code text}, the beginning of a stop string; so it is often
 * empty or belongs to earlier tokens.
 *
 * @param id the token id; -1 for the end of the stream, with texts held back until then
 * @param text the text without special tokens and stop strings
 * @param markedText the text with special tokens, which may mark reasoning and tool calls; stop
 *     strings are not removed
 * @param logProbability the log-probability of the token, or null if not requested
 */
public record GeneratedToken(
    int id, String text, String markedText, @Nullable TokenLogProbability logProbability) {

  /** Returns a copy with another text without special tokens. */
  public GeneratedToken withText(String other) {
    return new GeneratedToken(id, other, markedText, logProbability);
  }
}
