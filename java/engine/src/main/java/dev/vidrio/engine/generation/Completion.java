package dev.vidrio.engine.generation;

import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.GenerationResult;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a request ended.
 *
 * @param result the text and its tokens
 * @param cachedTokens how many tokens of the prompt were in the cache already
 * @param prompt for each token of the prompt how likely it was, null for the first; empty unless
 *     the request asks for it
 * @param tokens for each generated token how likely it was; empty unless the request asks for it
 * @param activations of the prompt and the answer but for its last token, for the caller to close;
 *     null unless the request is watched
 * @param score of an answer of a {@linkplain GenerationRequest#beams beam search}; null otherwise,
 *     and where the search has found fewer answers than were asked for: then there is no text
 * @param queued from the request to its first step
 * @param firstToken from the request to its first token, or to its end where it had none
 * @param total from the request to its end
 */
public record Completion(
    GenerationResult result,
    int cachedTokens,
    List<@Nullable TokenLogProbability> prompt,
    List<TokenLogProbability> tokens,
    @Nullable ActivationCache activations,
    @Nullable Double score,
    Duration queued,
    Duration firstToken,
    Duration total) {
  /** The text, without special tokens and without the stop text that ended it. */
  public String text() {
    return result.text();
  }
}
