package dev.vidrio.server.completion;

import dev.vidrio.tokenizer.TokenDecoder;
import dev.vidrio.tokenizer.Tokenizer;

/**
 * Computes the offsets of tokens in the text, in code points as in Python. A character of several
 * tokens counts for the last of them. Special tokens have no text.
 */
final class TextOffsets {
  private final TokenDecoder decoder;
  private int length;

  TextOffsets(Tokenizer tokenizer) {
    this.decoder = tokenizer.streamingDecoder(true);
  }

  /** Returns the offset of the next token. */
  int next(int id) {
    int begin = length;
    String text = decoder.accept(id);
    length += text.codePointCount(0, text.length());
    return begin;
  }
}
