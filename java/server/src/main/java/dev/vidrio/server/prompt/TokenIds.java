package dev.vidrio.server.prompt;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Value;
import dev.vidrio.tokenizer.Tokenizer;

/** Token ids of a request, which are used as they are, once the model is known. */
public final class TokenIds {
  private final Value array;
  private final int[] ids;

  private TokenIds(Value array, int[] ids) {
    this.array = array;
    this.ids = ids;
  }

  /** Reads an array of them. */
  public static TokenIds read(Value array) {
    return new TokenIds(array, array.tokens());
  }

  /**
   * The ids.
   *
   * @throws ApiException 400 with the path of the first that a tokenizer does not know
   */
  public int[] of(Tokenizer tokenizer) {
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] >= tokenizer.vocabularySize()) {
        Value id = array.elements(0, Integer.MAX_VALUE).get(i);
        throw id.error("must be below " + tokenizer.vocabularySize());
      }
    }
    return ids.clone();
  }
}
