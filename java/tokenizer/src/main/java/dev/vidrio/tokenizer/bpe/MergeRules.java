package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.IntList;

/** The rules of a BPE variant: the initial symbols of a word and the merges of adjacent symbols. */
public abstract class MergeRules {

  /** No merge, or a symbol without a token. */
  static final int NONE = -1;

  /** A symbol that is dropped, so that the symbols around it become adjacent. */
  static final int DROPPED = -2;

  final int[] byteTokens;

  /**
   * Creates the rules.
   *
   * @param byteTokens the token of each byte
   */
  MergeRules(int[] byteTokens) {
    this.byteTokens = byteTokens;
  }

  /** Returns the number of bytes of the symbol that begins at {@code pos}. */
  abstract int symbolLength(byte[] text, int pos, int end);

  /** Returns the token of a symbol, {@code NONE} or {@code DROPPED}. */
  abstract int symbol(byte[] text, int start, int end);

  /**
   * Returns the merge of two adjacent symbols: its rank in the upper half and the resulting token
   * in the lower half; or {@code NONE}. The lowest rank merges first, and the leftmost of equal
   * ranks.
   *
   * @param left the left symbol's token, or {@code NONE}
   * @param right the right symbol's token, or {@code NONE}
   * @param text contains both symbols from {@code start} to before {@code end}, unless one is
   *     dropped
   */
  abstract long merge(int left, int right, byte[] text, int start, int end);

  /** Appends the tokens of the bytes of a symbol that has no token and has not merged. */
  final void spell(byte[] text, int start, int end, IntList out) {
    for (int i = start; i < end; i++) {
      out.add(byteTokens[Byte.toUnsignedInt(text[i])]);
    }
  }
}
