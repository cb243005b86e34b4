package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.IntList;

/** The rules of a BPE variant: the initial symbols of a word and the merges of adjacent symbols. */
interface MergeRules {

  /** No merge, or a symbol without a token. */
  int NONE = -1;

  /** A symbol that is dropped, so that the symbols around it become adjacent. */
  int DROPPED = -2;

  /** Returns the number of bytes of the symbol that begins at {@code pos}. */
  int symbolLength(byte[] text, int pos, int end);

  /** Returns the token of a symbol, {@code NONE} or {@code DROPPED}. */
  int symbol(byte[] text, int start, int end);

  /**
   * Returns the merge of two adjacent symbols, or {@code NONE}.
   *
   * @param left the left symbol's token, or {@code NONE}
   * @param right the right symbol's token, or {@code NONE}
   * @param text contains both symbols from {@code start} to before {@code end}, unless one is
   *     dropped
   */
  int merge(int left, int right, byte[] text, int start, int end);

  /** Returns the rank of a merge; the lowest rank merges first, and the leftmost of equal ranks. */
  int rank(int merge);

  /** Returns the token that results from a merge. */
  int result(int merge);

  /** Appends the fallback tokens of a symbol that has no token and has not merged. */
  void spell(byte[] text, int start, int end, IntList out);
}
