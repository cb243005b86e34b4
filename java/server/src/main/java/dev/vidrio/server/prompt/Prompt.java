package dev.vidrio.server.prompt;

import dev.vidrio.model.tokenizer.Tokenizer;
import dev.vidrio.server.http.Value;
import java.util.List;

/** What a model is given: a text, or token ids that are used as they are. */
@FunctionalInterface
public interface Prompt {
  /** The tokens. */
  int[] encode(Tokenizer tokenizer);

  /** A prompt of a text. */
  static Prompt ofText(String text) {
    return tokenizer -> tokenizer.encode(text);
  }

  /** A prompt of token ids. */
  static Prompt ofTokens(int... ids) {
    return _ -> ids;
  }

  /**
   * Reads a text, texts, ids, or lists of ids.
   *
   * @param max prompts
   */
  static List<Prompt> read(Value value, int max) {
    if (value.isString()) {
      return List.of(ofText(value.string()));
    }
    if (!value.isArray()) {
      throw value.error("must be a string, or an array of strings, token ids or arrays of those");
    }
    if (value.elements(1, Integer.MAX_VALUE).getFirst().isInteger()) {
      return List.of(ofTokens(value.tokens()));
    }
    return value.elements(1, max).stream().map(Prompt::one).toList();
  }

  private static Prompt one(Value value) {
    if (!value.isString() && !value.isArray()) {
      throw value.error("must be a string or an array of token ids");
    }
    return value.isString() ? ofText(value.string()) : ofTokens(value.tokens());
  }
}
