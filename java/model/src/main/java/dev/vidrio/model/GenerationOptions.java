package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.sampling.SamplingOptions;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Options of a generation: length, sampling, stop texts, grammar.
 *
 * @param tokens maximum number of tokens
 * @param sampling how each token is chosen
 * @param stop texts that end generation and are not part of it; none is empty
 * @param ignoreEnd whether to continue past tokens that end a text or a turn
 * @param grammar constrains the text, which is complete if generation ends by {@link
 *     Generator.Finish#STOP} and otherwise the beginning of one; null for any text
 */
public record GenerationOptions(
    int tokens,
    SamplingOptions sampling,
    List<String> stop,
    boolean ignoreEnd,
    @Nullable Grammar grammar) {

  /** At most 256 tokens, chosen as {@link SamplingOptions#DEFAULT} says, the same each time. */
  public static final GenerationOptions DEFAULT =
      new GenerationOptions(256, SamplingOptions.DEFAULT, List.of(), false, null);

  /** Checks the ranges. */
  public GenerationOptions {
    if (tokens < 0) {
      throw new InvalidInputException(
          "number of tokens", Integer.toString(tokens), "must not be negative");
    }
    stop = List.copyOf(stop);
    if (stop.contains("")) {
      throw new InvalidInputException("stop", "", "must not be an empty text");
    }
  }

  /** The same with another number of tokens. */
  public GenerationOptions withTokens(int count) {
    return new GenerationOptions(count, sampling, stop, ignoreEnd, grammar);
  }

  /** The same with another way to choose tokens. */
  public GenerationOptions withSampling(SamplingOptions options) {
    return new GenerationOptions(tokens, options, stop, ignoreEnd, grammar);
  }

  /** The same with other texts to end before. */
  public GenerationOptions withStop(String... texts) {
    return new GenerationOptions(tokens, sampling, List.of(texts), ignoreEnd, grammar);
  }

  /** The same, but for whether generation goes on after tokens that end a text or a turn. */
  public GenerationOptions withIgnoreEnd(boolean ignore) {
    return new GenerationOptions(tokens, sampling, stop, ignore, grammar);
  }

  /** The same, but for which texts may be generated. */
  public GenerationOptions withGrammar(@Nullable Grammar texts) {
    return new GenerationOptions(tokens, sampling, stop, ignoreEnd, texts);
  }
}
