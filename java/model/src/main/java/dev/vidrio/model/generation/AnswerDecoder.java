package dev.vidrio.model.generation;

import dev.vidrio.tokenizer.TokenDecoder;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decodes the tokens of one answer incrementally, up to the first stop string, with and without
 * special tokens. The pieces of {@link GeneratedToken#text} concatenate to the text; none splits a
 * character or contains part of a stop string. Not thread-safe.
 */
public final class AnswerDecoder {
  private final TokenDecoder decoder;
  private final TokenDecoder markedDecoder;
  private final StopFilter stops;
  private final List<Integer> tokens = new ArrayList<>();
  private final StringBuilder text = new StringBuilder();

  /**
   * Creates a decoder of an empty answer.
   *
   * @param stop strings that end the text; none is empty
   */
  public AnswerDecoder(Tokenizer tokenizer, List<String> stop) {
    this.decoder = tokenizer.streamingDecoder(true);
    this.markedDecoder = tokenizer.streamingDecoder();
    this.stops = new StopFilter(stop);
  }

  /** Decodes the next token. */
  public GeneratedToken accept(int token) {
    return accept(token, null);
  }

  /** Decodes the next token, which has a log-probability. */
  public GeneratedToken accept(int token, @Nullable TokenLogProbability logProbability) {
    tokens.add(token);
    return new GeneratedToken(
        token,
        append(stops.accept(decoder.accept(token))),
        markedDecoder.accept(token),
        logProbability);
  }

  /** Returns whether a stop string was found. */
  public boolean isStopped() {
    return stops.isFound();
  }

  /** Ends the answer and returns the texts that were held back, as a token of id -1. */
  public GeneratedToken finish() {
    String rest = append(stops.accept(decoder.finish()) + stops.finish());
    return new GeneratedToken(-1, rest, markedDecoder.finish(), null);
  }

  private String append(String piece) {
    text.append(piece);
    return piece;
  }

  /** Returns an unmodifiable view of the token ids so far. */
  public List<Integer> tokens() {
    return Collections.unmodifiableList(tokens);
  }

  /** Returns the result, after {@link #finish}. */
  public GenerationResult result(int promptTokens, FinishReason finish) {
    return new GenerationResult(text.toString(), tokens, promptTokens, finish);
  }
}
