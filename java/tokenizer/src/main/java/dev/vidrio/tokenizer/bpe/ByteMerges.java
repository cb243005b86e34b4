package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.IntList;

/**
 * The merges of byte-level BPE.
 *
 * <p>A byte without a token is dropped, and the bytes around it become adjacent, as in Hugging Face
 * tokenizers. (llama.cpp drops it too, but does not merge across it.)
 */
final class ByteMerges implements MergeRules {

  private final MergeTable table;
  private final int[] byteTokens;

  /**
   * Creates the merges.
   *
   * @param byteTokens the token of each byte, −1 if there is none
   */
  ByteMerges(MergeTable table, int[] byteTokens) {
    this.table = table;
    this.byteTokens = byteTokens;
  }

  @Override
  public int symbolLength(byte[] text, int pos, int end) {
    return 1;
  }

  @Override
  public int symbol(byte[] text, int start, int end) {
    int id = byteTokens[Byte.toUnsignedInt(text[start])];
    return id < 0 ? DROPPED : id;
  }

  @Override
  public int merge(int left, int right, byte[] text, int start, int end) {
    return table.rank(left, right);
  }

  @Override
  public int rank(int merge) {
    return merge;
  }

  @Override
  public int result(int merge) {
    return table.result(merge);
  }

  @Override
  public void spell(byte[] text, int start, int end, IntList out) {
    throw new AssertionError("bytes without a token are dropped");
  }
}
