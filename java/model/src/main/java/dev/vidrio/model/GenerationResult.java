package dev.vidrio.model;

import java.util.List;

/**
 * The result of a generation.
 *
 * @param text the text, without special tokens and without the stop text that ended it
 * @param tokens the ids of all generated tokens, those of the stop text included, without the
 *     end-of-text token
 * @param promptTokens the number of prompt tokens
 * @param finish why it ended
 */
public record GenerationResult(
    String text, List<Integer> tokens, int promptTokens, Generator.Finish finish) {

  /** Copies the ids. */
  public GenerationResult {
    tokens = List.copyOf(tokens);
  }
}
