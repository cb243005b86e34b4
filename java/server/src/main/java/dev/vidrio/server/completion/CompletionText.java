package dev.vidrio.server.completion;

import dev.vidrio.tokenizer.TokenDecoder;
import dev.vidrio.tokenizer.Tokenizer;

/** The text of completions, without special tokens. */
final class CompletionText {
  private CompletionText() {}

  /** Returns the text of tokens. */
  static String of(Tokenizer tokenizer, int[] ids) {
    TokenDecoder decoder = tokenizer.streamingDecoder(true);
    var text = new StringBuilder();
    for (int id : ids) {
      text.append(decoder.accept(id));
    }
    return text.append(decoder.finish()).toString();
  }
}
