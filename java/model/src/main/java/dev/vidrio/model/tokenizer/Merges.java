package dev.vidrio.model.tokenizer;

import dev.vidrio.model.ModelFileException;
import java.util.List;
import java.util.Map;

/**
 * The merges of byte-level BPE: pairs of token ids in the order of their rank.
 *
 * <p>A byte that the vocabulary has no token for is left out, and its neighbours become each
 * other's, as in Hugging Face tokenizers. (In llama.cpp it gives no token either, but keeps them
 * apart.)
 */
final class Merges implements MergeRules {

  private final int[] byteTokens;
  private final LongIntMap ranks;
  private final int[] results;

  /**
   * Reads merges.
   *
   * @param vocabulary the file, for errors
   * @param merges pairs of spellings with a space between
   * @param ids the id of each spelling
   * @param byteTokens the token of each byte, −1 where there is none
   * @throws ModelFileException if a merge is no pair, is of no token of the vocabulary or occurs
   *     twice
   */
  Merges(Vocabulary vocabulary, List<String> merges, Map<String, Integer> ids, int[] byteTokens) {
    this.byteTokens = byteTokens;
    ranks = new LongIntMap(merges.size());
    results = new int[merges.size()];
    for (int rank = 0; rank < results.length; rank++) {
      String merge = merges.get(rank);
      int space = merge.indexOf(' ');
      if (space <= 0 || space == merge.length() - 1 || merge.indexOf(' ', space + 1) >= 0) {
        throw vocabulary.mergeError(rank, merge, "must be two tokens with a space between");
      }
      String left = merge.substring(0, space);
      String right = merge.substring(space + 1);
      Integer leftId = ids.get(left);
      Integer rightId = ids.get(right);
      Integer result = ids.get(left + right);
      if (leftId == null || rightId == null || result == null) {
        String absent = leftId == null ? left : rightId == null ? right : left + right;
        throw vocabulary.mergeError(
            rank, merge, "needs the token '" + absent + "', which does not exist");
      }
      int earlier = ranks.putIfAbsent(pair(leftId, rightId), rank);
      if (earlier >= 0) {
        throw vocabulary.mergeError(rank, merge, "must differ from merge " + earlier);
      }
      results[rank] = result;
    }
  }

  private static long pair(int left, int right) {
    return ((long) left << 32) | right;
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
    return ranks.get(pair(left, right));
  }

  @Override
  public int rank(int merge) {
    return merge;
  }

  @Override
  public int result(int merge) {
    return results[merge];
  }

  @Override
  public void spell(byte[] text, int start, int end, IntList out) {
    throw new AssertionError("a byte has a token or is dropped");
  }
}
