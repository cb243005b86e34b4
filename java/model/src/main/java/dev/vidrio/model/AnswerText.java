package dev.vidrio.model;

import dev.vidrio.tokenizer.TokenDecoder;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Turns the tokens of an answer into text, piece by piece, up to the first stop text. The pieces
 * concatenate to the text; none splits a character or shows part of a stop text. For one answer and
 * one thread.
 */
public final class AnswerText {
  private final TokenDecoder decoder;
  private final StopText stops;
  private final List<Integer> tokens = new ArrayList<>();
  private final StringBuilder text = new StringBuilder();

  /**
   * An empty text.
   *
   * @param stop texts before which it ends; none is empty
   */
  public AnswerText(Tokenizer tokenizer, List<String> stop) {
    this.decoder = tokenizer.streamingDecoder(true);
    this.stops = new StopText(stop);
  }

  /** Takes the next token and returns what of the text can be shown now, often nothing. */
  public String accept(int token) {
    tokens.add(token);
    return append(stops.accept(decoder.accept(token)));
  }

  /** Whether a stop text has come. */
  public boolean isStopped() {
    return stops.isFound();
  }

  /** Ends the text and returns what was held back. */
  public String finish() {
    return append(stops.accept(decoder.finish()) + stops.finish());
  }

  private String append(String piece) {
    text.append(piece);
    return piece;
  }

  /** The tokens so far; unmodifiable. */
  public List<Integer> tokens() {
    return Collections.unmodifiableList(tokens);
  }

  /** The result, after {@link #finish}. */
  public GenerationResult result(int promptTokens, Generator.Finish finish) {
    return new GenerationResult(text.toString(), tokens, promptTokens, finish);
  }
}
