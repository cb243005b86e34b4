package dev.vidrio.lens.page;

import dev.vidrio.model.Model;
import java.util.List;

/** The texts of tokens. */
final class TokenTexts {
  private TokenTexts() {}

  static List<String> of(Model model, List<Integer> tokens) {
    return tokens.stream().map(model.tokenizer()::piece).toList();
  }
}
