package dev.vidrio.model.generation;

import dev.vidrio.model.sampling.Candidates;
import dev.vidrio.model.sampling.Sampler;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the tokens of one answer and decides when it ends: the one definition of generation,
 * which {@link Generator} and the engine share. For one answer:
 *
 * <ol>
 *   <li>{@link #acceptPrompt} once;
 *   <li>{@link #finishReason}: if null, {@link #choose} a token from the logits;
 *   <li>if {@link #isEnd}, the answer has ended with {@link FinishReason#STOP}; otherwise {@link
 *       #accept} the token and go back to 2.
 * </ol>
 *
 * Stop strings are found by {@link AnswerDecoder}. Not thread-safe.
 */
public final class TokenChooser {
  private final Sampler sampler;
  private final int limit;
  private final @Nullable ReceiptRecorder recorder;
  private AllowedTokens allowed;
  private int count;

  /**
   * Creates a chooser.
   *
   * @param allowed the tokens that may come first
   * @param limit maximum number of tokens
   */
  public TokenChooser(Sampler sampler, AllowedTokens allowed, int limit) {
    this(sampler, allowed, limit, null);
  }

  /**
   * Creates a chooser that records its choices.
   *
   * @param allowed the tokens that may come first
   * @param limit maximum number of tokens
   * @param recorder records the choices; null for none
   */
  public TokenChooser(
      Sampler sampler, AllowedTokens allowed, int limit, @Nullable ReceiptRecorder recorder) {
    this.sampler = sampler;
    this.allowed = allowed;
    this.limit = limit;
    this.recorder = recorder;
  }

  /** Adds the tokens of the prompt to those that penalties count. */
  public void acceptPrompt(int... tokens) {
    IntStream.of(tokens).forEach(sampler::accept);
  }

  /**
   * Returns why no further token may follow, or null if one may.
   *
   * @param contextFull if true, no position of the context is left for the last token
   */
  public @Nullable FinishReason finishReason(boolean contextFull) {
    if (allowed.mustEnd()) {
      return FinishReason.STOP;
    }
    if (count == limit) {
      return FinishReason.LENGTH;
    }
    return contextFull ? FinishReason.CONTEXT : null;
  }

  /**
   * Chooses the next token.
   *
   * @param logits f32 logits [V], not modified
   * @param candidates the most likely tokens of these logits
   */
  public int choose(Candidates candidates, MemorySegment logits) {
    int token = sampler.sample(candidates, logits, allowed.mask(count));
    if (recorder != null) {
      recorder.add(token, logits);
    }
    return token;
  }

  /** Returns whether a chosen token ends the answer. Such a token is not part of it. */
  public boolean isEnd(int token) {
    return allowed.ends().contains(token);
  }

  /** Adds a token to the answer. */
  public void accept(int token) {
    sampler.accept(token);
    allowed = allowed.after(token);
    count++;
  }
}
