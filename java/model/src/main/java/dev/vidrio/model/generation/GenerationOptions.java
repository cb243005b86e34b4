package dev.vidrio.model.generation;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.sampling.SamplingOptions;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Options of a generation: length, sampling, stop strings, grammar and receipt. Start from {@link
 * #DEFAULT}:
 *
 * {@snippet file="GenerationExamples.java" region="generate"}
 *
 * @param tokens maximum number of tokens
 * @param sampling how each token is chosen
 * @param stop strings that end generation and are not part of the text; none is empty
 * @param ignoreEnd if true, generation continues past the model's end tokens
 * @param grammar constrains the text, which is complete if generation ends with {@link
 *     FinishReason#STOP} and otherwise a prefix of a complete one; null for any text (see
 *     docs/structured-output.md)
 * @param receipt if true, the result has a {@link dev.vidrio.model.receipt.Receipt}, with which
 *     others can check the answer (see docs/receipts.md)
 */
public record GenerationOptions(
    int tokens,
    SamplingOptions sampling,
    List<String> stop,
    boolean ignoreEnd,
    @Nullable Grammar grammar,
    boolean receipt) {

  /** At most 256 tokens, sampled with {@link SamplingOptions#DEFAULT} and its fixed seed. */
  public static final GenerationOptions DEFAULT =
      new GenerationOptions(256, SamplingOptions.DEFAULT, List.of(), false, null, false);

  /** Rejects a negative number of tokens and empty stop strings. */
  public GenerationOptions {
    if (tokens < 0) {
      throw new InvalidInputException("number of tokens", tokens, "must not be negative");
    }
    stop = List.copyOf(stop);
    if (stop.contains("")) {
      throw new InvalidInputException("stop", "", "must not be an empty text");
    }
  }

  /** Returns a copy with another maximum number of tokens. */
  public GenerationOptions withTokens(int count) {
    return new GenerationOptions(count, sampling, stop, ignoreEnd, grammar, receipt);
  }

  /** Returns a copy with other sampling options. */
  public GenerationOptions withSampling(SamplingOptions options) {
    return new GenerationOptions(tokens, options, stop, ignoreEnd, grammar, receipt);
  }

  /** Returns a copy with other stop strings. */
  public GenerationOptions withStop(String... texts) {
    return new GenerationOptions(tokens, sampling, List.of(texts), ignoreEnd, grammar, receipt);
  }

  /** Returns a copy that continues past end tokens, or not. */
  public GenerationOptions withIgnoreEnd(boolean ignore) {
    return new GenerationOptions(tokens, sampling, stop, ignore, grammar, receipt);
  }

  /** Returns a copy that adds a receipt to the result, or not. */
  public GenerationOptions withReceipt(boolean wanted) {
    return new GenerationOptions(tokens, sampling, stop, ignoreEnd, grammar, wanted);
  }

  /** Returns a copy with another grammar, or none. */
  public GenerationOptions withGrammar(@Nullable Grammar texts) {
    return new GenerationOptions(tokens, sampling, stop, ignoreEnd, texts, receipt);
  }
}
