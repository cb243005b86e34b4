package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.text.Utf8;
import java.util.List;

/**
 * The merges of SentencePiece BPE (Kudo and Richardson 2018, arXiv 1808.06226): two adjacent
 * symbols merge if their concatenation is a token; the token with the highest score first. A
 * character that ends up without a token becomes the tokens of its bytes.
 */
final class ScoredMerges extends MergeRules {

  private final TokenIndex tokens;
  private final int[] ranks;

  /**
   * Creates the merges.
   *
   * @param tokens the text tokens
   * @param scores the score of each token of the vocabulary; not NaN
   * @param byteTokens the token of each byte
   */
  ScoredMerges(TokenIndex tokens, List<Float> scores, int[] byteTokens) {
    super(byteTokens);
    this.tokens = tokens;
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
  int symbolLength(byte[] text, int pos, int end) {
    return Utf8.lengthAt(text, pos, end);
  }

  @Override
  int symbol(byte[] text, int start, int end) {
    return tokens.get(text, start, end);
  }

  @Override
  long merge(int left, int right, byte[] text, int start, int end) {
    int id = tokens.get(text, start, end);
    return id == NONE ? NONE : (long) ranks[id] << 32 | id;
  }
}
