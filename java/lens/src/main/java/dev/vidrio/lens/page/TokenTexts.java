package dev.vidrio.lens.page;

import dev.vidrio.model.Model;
import java.util.List;

/** The texts of tokens. */
final class TokenTexts {
  private TokenTexts() {}

  static String of(Model model, int token) {
    return model.tokenizer().piece(token);
  }

  static List<String> of(Model model, List<Integer> tokens) {
    return tokens.stream().map(token -> of(model, token)).toList();
  }
}
