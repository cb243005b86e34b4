package dev.vidrio.model;

import java.util.List;

/**
 * A text that was generated.
 *
 * @param text the text, without special tokens and without the stop text that ended it
 * @param tokens the ids of all tokens that were generated, but for the one that ended the text
 * @param promptTokens how many tokens the prompt had
 * @param finish why it ended
 */
public record GenerationResult(
    String text, List<Integer> tokens, int promptTokens, Generator.Finish finish) {

  /** Copies the ids. */
  public GenerationResult {
    tokens = List.copyOf(tokens);
  }
}
