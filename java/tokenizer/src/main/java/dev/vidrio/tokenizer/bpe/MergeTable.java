package dev.vidrio.tokenizer.bpe;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.util.List;
import java.util.Map;

/** The merges of BPE: pairs of token ids in the order of their rank. */
public final class MergeTable {

  private final LongIntMap ranks;
  private final int[] results;

  /**
   * Reads merges.
   *
   * @param vocabulary the file, for errors
   * @param merges pairs of spellings with a space between
   * @param ids the id of each spelling
   * @throws ModelFileException if a merge is no pair, is of no token of the vocabulary or occurs
   *     twice
   */
  public MergeTable(Vocabulary vocabulary, List<String> merges, Map<String, Integer> ids) {
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

  /** Returns the rank of the merge of two neighbours, or −1. */
  int rank(int left, int right) {
    return ranks.get(pair(left, right));
  }

  /** Returns the token that a merge makes. */
  int result(int rank) {
    return results[rank];
  }
}
