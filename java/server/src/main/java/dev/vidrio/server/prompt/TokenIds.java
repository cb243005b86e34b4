package dev.vidrio.server.prompt;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.tokenizer.Tokenizer;

/** Token ids of a request, validated once the model is known. */
public final class TokenIds {
  private final JsonValue array;
  private final int[] ids;

  private TokenIds(JsonValue array, int[] ids) {
    this.array = array;
    this.ids = ids;
  }

  /** Reads an array of token ids. */
  public static TokenIds read(JsonValue array) {
    return new TokenIds(array, array.tokens());
  }

  /**
   * Returns the ids.
   *
   * @throws ApiException 400 with the path of the first id that is not in the vocabulary
   */
  public int[] of(Tokenizer tokenizer) {
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] >= tokenizer.vocabularySize()) {
        JsonValue id = array.elements(0, Integer.MAX_VALUE).get(i);
        throw id.error("must be below " + tokenizer.vocabularySize());
      }
    }
    return ids.clone();
  }
}
