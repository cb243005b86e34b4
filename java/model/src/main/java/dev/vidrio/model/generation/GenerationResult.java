package dev.vidrio.model.generation;

import java.util.List;

/**
 * The result of a generation.
 *
 * @param text the generated text, without special tokens and without the stop string that ended it
 * @param tokens the ids of all generated tokens, including those of the stop string, without the
 *     end token
 * @param promptTokens the number of prompt tokens
 * @param finish why generation ended
 */
public record GenerationResult(
    String text, List<Integer> tokens, int promptTokens, FinishReason finish) {

  /** Copies the ids. */
  public GenerationResult {
    tokens = List.copyOf(tokens);
  }
}
