package dev.vidrio.engine.generation;

import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.generation.TokenLogProbability;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The result of a request: the answer, log-probabilities, captured activations and timings.
 *
 * @param result the text and its tokens
 * @param cachedTokens number of prompt tokens found in the prefix cache
 * @param prompt log-probabilities of the prompt's tokens, null for the first; empty unless
 *     requested
 * @param tokens log-probabilities of the generated tokens; empty unless requested
 * @param activations activations of the prompt and the answer except its last token, which the
 *     caller closes; null unless the request is watched
 * @param score the score of an answer of a {@linkplain GenerationRequest#beams beam search}; null
 *     otherwise, and if the search found fewer answers than requested, in which case there is no
 *     text
 * @param queued time from submission to the first step
 * @param firstToken time from submission to the first token, or to the end if there was none
 * @param total time from submission to the end
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
  /** Returns the text, without special tokens and without the stop string that ended it. */
  public String text() {
    return result.text();
  }
}
