package dev.vidrio.model.generation;

import dev.vidrio.model.receipt.Receipt;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The result of a generation.
 *
 * @param text the generated text, without special tokens and without the stop string that ended it
 * @param tokens the ids of all generated tokens, including those of the stop string, without the
 *     end token
 * @param promptTokens the number of prompt tokens
 * @param finish why generation ended
 * @param receipt the receipt, if {@linkplain GenerationOptions#receipt requested} and the prompt
 *     has run; otherwise null
 */
public record GenerationResult(
    String text,
    List<Integer> tokens,
    int promptTokens,
    FinishReason finish,
    @Nullable Receipt receipt) {

  /** Creates a result without a receipt. */
  public GenerationResult(
      String text, List<Integer> tokens, int promptTokens, FinishReason finish) {
    this(text, tokens, promptTokens, finish, null);
  }

  /** Copies the ids. */
  public GenerationResult {
    tokens = List.copyOf(tokens);
  }

  /** Returns a copy with a receipt, or none. */
  public GenerationResult withReceipt(@Nullable Receipt other) {
    return new GenerationResult(text, tokens, promptTokens, finish, other);
  }
}
