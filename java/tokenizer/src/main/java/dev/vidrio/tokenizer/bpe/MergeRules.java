package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.IntList;

/** What a word is made of at first, and which neighbours merge. */
interface MergeRules {

  /** No merge, or a symbol without a token. */
  int NONE = -1;

  /** A symbol that is left out, so that its neighbours become each other's. */
  int DROPPED = -2;

  /** Returns the number of bytes of the symbol that begins at {@code pos}. */
  int symbolLength(byte[] text, int pos, int end);

  /** Returns the token of a symbol, NONE or DROPPED. */
  int symbol(byte[] text, int start, int end);

  /**
   * Returns the merge of two neighbours, or NONE.
   *
   * @param left the left neighbour's token, or NONE
   * @param right the right neighbour's token, or NONE
   * @param text what holds both of them, from {@code start} to before {@code end}, where no symbol
   *     is dropped
   */
  int merge(int left, int right, byte[] text, int start, int end);

  /** Returns the rank of a merge; the lowest comes first, and of equal ones the leftmost. */
  int rank(int merge);

  /** Returns the token that a merge makes. */
  int result(int merge);

  /** Appends what stands for a symbol without a token that has not merged. */
  void spell(byte[] text, int start, int end, IntList out);
}
