package dev.vidrio.server.prompt;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.List;

/** Token ids of a request, validated once the model is known. */
public final class TokenIds {
  private final List<JsonValue> values;
  private final int[] ids;

  private TokenIds(List<JsonValue> values) {
    this.values = values;
    this.ids = values.stream().mapToInt(id -> id.integer(0, Integer.MAX_VALUE)).toArray();
  }

  /** Reads an array of token ids. */
  public static TokenIds read(JsonValue array) {
    return new TokenIds(array.elements(0, Integer.MAX_VALUE));
  }

  /** Reads one token id. */
  static TokenIds ofOne(JsonValue id) {
    return new TokenIds(List.of(id));
  }

  /** Returns the number of ids. */
  public int count() {
    return ids.length;
  }

  /**
   * Returns the ids.
   *
   * @throws ApiException 400 with the path of the first id that is not in the vocabulary
   */
  public int[] of(Tokenizer tokenizer) {
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] >= tokenizer.vocabularySize()) {
        throw values.get(i).error("must be below " + tokenizer.vocabularySize());
      }
    }
    return ids.clone();
  }
}
