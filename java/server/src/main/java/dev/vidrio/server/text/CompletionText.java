package dev.vidrio.server.text;

import dev.vidrio.model.tokenizer.TokenDecoder;
import dev.vidrio.model.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/** Texts of tokens as completions have them: special tokens give none. */
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

  /** Where each token's text begins, in UTF-16 units of the whole. */
  static List<Integer> offsets(Tokenizer tokenizer, List<Integer> ids) {
    TokenDecoder decoder = tokenizer.streamingDecoder(true);
    List<Integer> offsets = new ArrayList<>();
    int length = 0;
    for (int id : ids) {
      offsets.add(length);
      length += decoder.accept(id).length();
    }
    return offsets;
  }
}
