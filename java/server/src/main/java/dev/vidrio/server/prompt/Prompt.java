package dev.vidrio.server.prompt;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A prompt: text, or token ids that are used as they are.
 *
 * @param path the path of the prompt in the request
 * @param text the text; null for token ids
 * @param source encodes the prompt
 */
public record Prompt(String path, @Nullable String text, Function<Tokenizer, int[]> source) {

  /**
   * Returns the text.
   *
   * @param field the field that needs a text, for the error
   * @throws ApiException 400 if the prompt consists of token ids
   */
  public String requireText(String field) {
    if (text == null) {
      throw ApiException.unsupported(path, "must be a string with " + field + ", not token ids");
    }
    return text;
  }

  /**
   * Returns the tokens.
   *
   * @throws ApiException 400 if there are none, or an id is not in the vocabulary
   */
  public int[] encode(Tokenizer tokenizer) {
    int[] ids = source.apply(tokenizer);
    if (ids.length == 0) {
      throw ApiException.invalid(path, "must have at least one token");
    }
    return ids;
  }

  /**
   * Reads a text, an array of texts, an array of token ids, or an array of such arrays.
   *
   * @param max maximum number of prompts
   */
  public static List<Prompt> read(JsonValue value, int max) {
    if (value.isString()) {
      return List.of(one(value));
    }
    if (!value.isArray()) {
      throw value.error(
          "must be a string, or an array of strings, token ids or arrays of token ids");
    }
    if (value.elements(1, Integer.MAX_VALUE).getFirst().isInteger()) {
      return List.of(one(value));
    }
    return value.elements(1, max).stream().map(Prompt::one).toList();
  }

  private static Prompt one(JsonValue value) {
    if (value.isString()) {
      String text = value.string();
      return new Prompt(value.path(), text, tokenizer -> tokenizer.encode(text));
    }
    if (!value.isArray()) {
      throw value.error("must be a string or an array of token ids");
    }
    return new Prompt(value.path(), null, TokenIds.read(value)::of);
  }
}
