package dev.vidrio.tokenizer.bpe;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.tokenizer.vocabulary.SpellingIndex;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.util.List;

/** The merges of BPE: pairs of token ids in order of rank. */
public final class MergeTable {

  private final LongIntMap ranks;
  private final int[] results;

  /**
   * Resolves merges to token ids.
   *
   * @param vocabulary the source, for errors
   * @param merges pairs of spellings separated by a space
   * @param ids the id of each spelling
   * @throws ModelFileException if a merge is not a pair, refers to a missing token or is duplicated
   */
  public MergeTable(Vocabulary vocabulary, List<String> merges, SpellingIndex ids) {
    ranks = new LongIntMap(merges.size());
    results = new int[merges.size()];
    for (int rank = 0; rank < results.length; rank++) {
      String merge = merges.get(rank);
      int space = merge.indexOf(' ');
      if (space <= 0 || space == merge.length() - 1 || merge.indexOf(' ', space + 1) >= 0) {
        throw vocabulary.mergeError(rank, merge, "must be two tokens separated by a space");
      }
      int left = ids.get(merge, 0, space);
      int right = ids.get(merge, space + 1, merge.length());
      int result = ids.getWithout(merge, space);
      if (left < 0 || right < 0 || result < 0) {
        String absent =
            left < 0
                ? merge.substring(0, space)
                : right < 0 ? merge.substring(space + 1) : merge.replace(" ", "");
        throw vocabulary.mergeError(rank, merge, "needs the missing token '" + absent + "'");
      }
      int earlier = ranks.putIfAbsent(pair(left, right), rank);
      if (earlier >= 0) {
        throw vocabulary.mergeError(rank, merge, "is a duplicate of merge " + earlier);
      }
      results[rank] = result;
    }
  }

  private static long pair(int left, int right) {
    return ((long) left << 32) | right;
  }

  /** Returns the merge of two adjacent tokens as in {@link MergeRules#merge}. */
  long merge(int left, int right) {
    int rank = ranks.get(pair(left, right));
    return rank < 0 ? MergeRules.NONE : (long) rank << 32 | results[rank];
  }
}
