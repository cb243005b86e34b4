package dev.vidrio.model.evaluation;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.EncodedPair;
import java.util.List;

/** Checks the lengths of a query's pairs with documents. */
final class PairLengths {
  private PairLengths() {}

  /**
   * Checks that pairs have at most a number of tokens.
   *
   * @throws InvalidInputException if one has more; it names the document
   */
  static void require(List<EncodedPair> pairs, int limit) {
    for (int i = 0; i < pairs.size(); i++) {
      int n = pairs.get(i).size();
      if (n > limit) {
        throw new InvalidInputException(
            "document " + i, n + " tokens", "must have at most " + limit + " with its query");
      }
    }
  }
}
