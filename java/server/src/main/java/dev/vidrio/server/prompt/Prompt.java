package dev.vidrio.server.prompt;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Value;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.List;
import java.util.function.Function;

/** What a model is given: a text, or token ids that are used as they are. */
public final class Prompt {
  private final String path;
  private final Function<Tokenizer, int[]> source;

  private Prompt(String path, Function<Tokenizer, int[]> source) {
    this.path = path;
    this.source = source;
  }

  /** Where it stands in the request. */
  public String path() {
    return path;
  }

  /**
   * The tokens.
   *
   * @throws ApiException 400 when there are none, or the tokenizer does not know one
   */
  public int[] encode(Tokenizer tokenizer) {
    int[] ids = source.apply(tokenizer);
    if (ids.length == 0) {
      throw ApiException.invalid(path, path + " of no tokens: must have at least one");
    }
    return ids;
  }

  /**
   * Reads a text, texts, ids, or lists of ids.
   *
   * @param max prompts
   */
  public static List<Prompt> read(Value value, int max) {
    if (value.isString()) {
      return List.of(one(value));
    }
    if (!value.isArray()) {
      throw value.error("must be a string, or an array of strings, token ids or arrays of those");
    }
    if (value.elements(1, Integer.MAX_VALUE).getFirst().isInteger()) {
      return List.of(one(value));
    }
    return value.elements(1, max).stream().map(Prompt::one).toList();
  }

  private static Prompt one(Value value) {
    if (value.isString()) {
      String text = value.string();
      return new Prompt(value.path(), tokenizer -> tokenizer.encode(text));
    }
    if (!value.isArray()) {
      throw value.error("must be a string or an array of token ids");
    }
    return new Prompt(value.path(), TokenIds.read(value)::of);
  }
}
