package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.IntList;
import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.text.Utf8;

/**
 * The merges of BPE over characters, by rank. A character without a token becomes the tokens of its
 * bytes, which never merge, or the unknown token.
 */
final class CharMerges implements MergeRules {

  private final MergeTable table;
  private final TokenIndex tokens;
  private final int[] byteTokens;
  private final int unknown;
  private final boolean fuseUnknown;

  /**
   * Creates the merges of a vocabulary with a token for each byte.
   *
   * @param tokens the text tokens
   * @param byteTokens the token of each byte
   */
  CharMerges(MergeTable table, TokenIndex tokens, int[] byteTokens) {
    this(table, tokens, byteTokens, DROPPED, false);
  }

  /**
   * Creates the merges.
   *
   * @param tokens the text tokens
   * @param byteTokens the token of each byte, or an empty array
   * @param unknown the token for characters without a token if there are no byte tokens, or {@code
   *     DROPPED}
   * @param fuseUnknown if true, a run of such characters becomes one token
   */
  CharMerges(
      MergeTable table, TokenIndex tokens, int[] byteTokens, int unknown, boolean fuseUnknown) {
    this.table = table;
    this.tokens = tokens;
    this.byteTokens = byteTokens;
    this.unknown = unknown;
    this.fuseUnknown = fuseUnknown && byteTokens.length == 0;
  }

  /** Returns the token of the character at {@code pos}, or {@code NONE}. */
  private int charToken(byte[] text, int pos, int end) {
    return tokens.get(text, pos, pos + Utf8.lengthAt(text, pos, end));
  }

  @Override
  public int symbolLength(byte[] text, int pos, int end) {
    int after = pos + Utf8.lengthAt(text, pos, end);
    if (fuseUnknown && charToken(text, pos, end) == NONE) {
      while (after < end && charToken(text, after, end) == NONE) {
        after += Utf8.lengthAt(text, after, end);
      }
    }
    return after - pos;
  }

  @Override
  public int symbol(byte[] text, int start, int end) {
    int id = charToken(text, start, end);
    return id == NONE && byteTokens.length == 0 ? unknown : id;
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
