package dev.vidrio.server.lens;

import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.server.prompt.TokenIds;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The tokens that follow the text of a request, for requests of longer texts: the text runs with
 * them, and the run is kept. Results do not depend on them, since a token does not read later ones.
 *
 * @param tokens the tokens; null for none
 */
record LensAhead(@Nullable TokenIds tokens) {
  /** Maximum bytes of a run that is kept. */
  static final long MAX_BYTES = 256L << 20;

  /** Reads the field {@code ahead}; none if it is absent. */
  static LensAhead read(JsonFields fields) {
    JsonValue value = fields.value("ahead");
    return new LensAhead(value == null ? null : TokenIds.read(value));
  }

  /** Returns whether the run of a request is kept: none with edits is. */
  boolean isKept(LensEdits edits) {
    return tokens != null && edits.isEmpty();
  }

  /**
   * Returns a text with these tokens, as many as a run may have.
   *
   * @throws dev.vidrio.server.http.ApiException 400 if an id is not in the vocabulary
   */
  int[] after(int[] text, ServedModel model) {
    int[] following = tokens == null ? new int[0] : tokens.of(model.tokenizer());
    int count = Math.min(text.length + following.length, LensInput.maxTokens(model));
    int[] all = Arrays.copyOf(text, count);
    System.arraycopy(following, 0, all, text.length, count - text.length);
    return all;
  }
}
