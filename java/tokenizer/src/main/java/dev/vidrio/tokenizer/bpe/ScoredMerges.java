package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.IntList;
import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.text.Utf8;
import java.util.List;

/**
 * The merges of SentencePiece BPE (Kudo and Richardson 2018, arXiv 1808.06226): two adjacent
 * symbols merge if their concatenation is a token; the token with the highest score first. A
 * character that ends up without a token becomes the tokens of its bytes.
 *
 * <p>A merge is identified by the resulting token.
 */
final class ScoredMerges implements MergeRules {

  private final TokenIndex tokens;
  private final int[] ranks;
  private final int[] byteTokens;

  /**
   * Creates the merges.
   *
   * @param tokens the text tokens
   * @param scores the score of each token of the vocabulary; not NaN
   * @param byteTokens the token of each byte
   */
  ScoredMerges(TokenIndex tokens, List<Float> scores, int[] byteTokens) {
    this.tokens = tokens;
    this.byteTokens = byteTokens;
    ranks = new int[scores.size()];
    for (int id = 0; id < ranks.length; id++) {
      ranks[id] = rank(scores.get(id));
    }
  }

  /** Maps a score to an integer rank in descending order of score. */
  private static int rank(float score) {
    int bits = Float.floatToIntBits(score + 0.0f); // −0 + 0 = 0
    return ~(bits ^ ((bits >> 31) & Integer.MAX_VALUE));
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
    return tokens.get(text, start, end);
  }

  @Override
  public int rank(int merge) {
    return ranks[merge];
  }

  @Override
  public int result(int merge) {
    return merge;
  }

  @Override
  public void spell(byte[] text, int start, int end, IntList out) {
    for (int i = start; i < end; i++) {
      out.add(byteTokens[Byte.toUnsignedInt(text[i])]);
    }
  }
}
