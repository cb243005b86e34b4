package dev.vidrio.lens.detect;

/**
 * Statistics of an attention head's patterns over a corpus: means over the queries of all texts,
 * except the first of each. NaN if no query has the key that a score needs.
 *
 * @param scores the weights of the query's own, the previous and the first position, of earlier
 *     occurrences of the query's token and of the positions after them, on natural text
 * @param distance mean of {@code Σ_j a_ij (i − j)}, in tokens
 * @param subword weight of earlier tokens of the query's word, over tokens that continue a word
 *     (subword-joiner heads, Correia et al. 2019, arXiv 1909.00015)
 * @param offset the distance that most often has the maximum weight
 * @param positional the fraction of queries with the maximum weight at this distance; from 0.9 on,
 *     Voita et al. (2019, arXiv 1905.09418) call a head positional
 * @see CorpusStatistics
 */
public record HeadStatistics(
    HeadScores scores, double distance, double subword, int offset, double positional)
    implements ScoredHead {
  @Override
  public int layer() {
    return scores.layer();
  }

  @Override
  public int head() {
    return scores.head();
  }
}
