package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.text.Utf8;

/**
 * The merges of BPE over characters, by rank. A character without a token becomes the tokens of its
 * bytes, which never merge, or the unknown token.
 */
public final class CharMerges extends MergeRules {

  private final MergeTable table;
  private final TokenIndex tokens;
  private final int unknown;
  private final boolean fuseUnknown;

  /**
   * Creates the merges.
   *
   * @param table the ranked merges
   * @param tokens the text tokens
   * @param byteTokens the token of each byte, or an empty array
   * @param unknown the token for characters without a token if there are no byte tokens; if
   *     negative, such characters are dropped
   * @param fuseUnknown if true, a run of such characters becomes one token
   */
  public CharMerges(
      MergeTable table, TokenIndex tokens, int[] byteTokens, int unknown, boolean fuseUnknown) {
    super(byteTokens);
    this.table = table;
    this.tokens = tokens;
    this.unknown = unknown < 0 ? DROPPED : unknown;
    this.fuseUnknown = fuseUnknown && byteTokens.length == 0;
  }

  /** Returns the token of the character at {@code pos}, or {@code NONE}. */
  private int charToken(byte[] text, int pos, int end) {
    return tokens.get(text, pos, pos + Utf8.lengthAt(text, pos, end));
  }

  @Override
  int symbolLength(byte[] text, int pos, int end) {
    int after = pos + Utf8.lengthAt(text, pos, end);
    if (fuseUnknown && charToken(text, pos, end) == NONE) {
      while (after < end && charToken(text, after, end) == NONE) {
        after += Utf8.lengthAt(text, after, end);
      }
    }
    return after - pos;
  }

  @Override
  int symbol(byte[] text, int start, int end) {
    int id = charToken(text, start, end);
    return id == NONE && byteTokens.length == 0 ? unknown : id;
  }

  @Override
  long merge(int left, int right, byte[] text, int start, int end) {
    return left == NONE || right == NONE ? NONE : table.merge(left, right);
  }
}
