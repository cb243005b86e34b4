package dev.vidrio.model.tokenizer;

/**
 * The merges of BPE over characters, by rank. A character without a token becomes the tokens of its
 * bytes, which merge with nothing.
 */
final class CharMerges implements MergeRules {

  private final MergeTable table;
  private final TokenIndex tokens;
  private final int[] byteTokens;

  /**
   * Makes the merges.
   *
   * @param tokens the tokens of text
   * @param byteTokens the token of each byte
   */
  CharMerges(MergeTable table, TokenIndex tokens, int[] byteTokens) {
    this.table = table;
    this.tokens = tokens;
    this.byteTokens = byteTokens;
  }

  @Override
  public int symbolLength(byte[] text, int pos, int end) {
    return Utf8.lengthAt(text, pos, end);
  }

  @Override
  public int symbol(byte[] text, int start, int end) {
    return tokens.get(text, start, end);
  }

  @Override
  public int merge(int left, int right, byte[] text, int start, int end) {
    return left == NONE || right == NONE ? NONE : table.rank(left, right);
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
    for (int i = start; i < end; i++) {
      out.add(byteTokens[Byte.toUnsignedInt(text[i])]);
    }
  }
}
