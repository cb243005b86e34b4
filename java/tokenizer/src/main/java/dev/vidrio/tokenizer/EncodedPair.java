package dev.vidrio.tokenizer;

import dev.vidrio.tokenizer.vocabulary.PairTemplate;
import java.util.Arrays;

/**
 * A pair of sequences as one sequence of token ids, with the type (segment) of each token; what an
 * encoder reads that compares two texts, such as a reranker. Immutable.
 *
 * @see Tokenizer#encodePair
 */
public final class EncodedPair {

  private final int[] ids;
  private final int[] types;

  /**
   * Creates a pair from its tokens; copies the arrays.
   *
   * @throws IllegalArgumentException if the lengths differ
   */
  public EncodedPair(int[] ids, int[] types) {
    if (ids.length != types.length) {
      throw new IllegalArgumentException(ids.length + " ids and " + types.length + " types");
    }
    this.ids = ids.clone();
    this.types = types.clone();
  }

  /** Joins two sequences by a template, or without special tokens. */
  static EncodedPair of(PairTemplate template, int[] first, int[] second, boolean special) {
    int tokens = special ? template.specialTokens() : 0;
    int[] ids = new int[first.length + second.length + tokens];
    int[] types = new int[ids.length];
    int n = 0;
    for (PairTemplate.Part part : template.parts()) {
      if (part.isToken() && !special) {
        continue;
      }
      int[] piece =
          part.isToken()
              ? new int[] {part.token()}
              : part.token() == PairTemplate.FIRST ? first : second;
      System.arraycopy(piece, 0, ids, n, piece.length);
      Arrays.fill(types, n, n + piece.length, part.type());
      n += piece.length;
    }
    return new EncodedPair(ids, types);
  }

  /** Returns the number of tokens. */
  public int size() {
    return ids.length;
  }

  /** Returns the token ids [n]. */
  public int[] ids() {
    return ids.clone();
  }

  /**
   * Returns the type of each token [n]: 0 for the first sequence; the second depends on the model.
   */
  public int[] types() {
    return types.clone();
  }
}
