package dev.vidrio.server.text;

import dev.vidrio.tokenizer.TokenDecoder;
import dev.vidrio.tokenizer.Tokenizer;

/**
 * Where the texts of tokens begin, in code points of the whole, as Python counts: a character that
 * several tokens make up begins with the last of them. Special tokens have no text.
 */
final class TextOffsets {
  private final TokenDecoder decoder;
  private int length;

  TextOffsets(Tokenizer tokenizer) {
    this.decoder = tokenizer.streamingDecoder(true);
  }

  /** Where the text of the next token begins. */
  int next(int id) {
    int begin = length;
    String text = decoder.accept(id);
    length += text.codePointCount(0, text.length());
    return begin;
  }
}
