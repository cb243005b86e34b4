package dev.vidrio.server.text;

import dev.vidrio.tokenizer.TokenDecoder;
import dev.vidrio.tokenizer.Tokenizer;

/** The text of tokens as completions have it: special tokens give none. */
final class CompletionText {
  private CompletionText() {}

  static String of(Tokenizer tokenizer, int[] ids) {
    TokenDecoder decoder = tokenizer.streamingDecoder(true);
    var text = new StringBuilder();
    for (int id : ids) {
      text.append(decoder.accept(id));
    }
    return text.append(decoder.finish()).toString();
  }
}
