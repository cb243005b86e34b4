package dev.vidrio.tokenizer.bpe;

/**
 * The merges of byte-level BPE.
 *
 * <p>A byte without a token is dropped, and the bytes around it become adjacent, as in Hugging Face
 * tokenizers. (llama.cpp drops it too, but does not merge across it.)
 */
final class ByteMerges extends MergeRules {

  private final MergeTable table;

  /**
   * Creates the merges.
   *
   * @param byteTokens the token of each byte, {@code DROPPED} if there is none
   */
  ByteMerges(MergeTable table, int[] byteTokens) {
    super(byteTokens);
    this.table = table;
  }

  @Override
  int symbolLength(byte[] text, int pos, int end) {
    return 1;
  }

  @Override
  int symbol(byte[] text, int start, int end) {
    return byteTokens[Byte.toUnsignedInt(text[start])];
  }

  @Override
  long merge(int left, int right, byte[] text, int start, int end) {
    return table.merge(left, right);
  }
}
