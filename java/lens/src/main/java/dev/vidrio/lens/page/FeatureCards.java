package dev.vidrio.lens.page;

import dev.vidrio.lens.decode.sae.index.FeatureExample;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.Quantile;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.TokenEffect;
import dev.vidrio.lens.decode.sae.index.Histogram;
import java.util.List;

/**
 * The details of some features. The page shows the one that the address names, such as {@code
 * #141}.
 *
 * @param contents the file with all features
 * @param cards in the order of features, at least one
 */
public record FeatureCards(String title, String note, String contents, List<Card> cards)
    implements View {
  /**
   * A feature.
   *
   * @param feature its number
   * @param active number of tokens at which it is active
   * @param density the fraction of all tokens
   * @param mean of its activations above 0
   * @param max the largest activation
   * @param histogram of its activations above 0
   * @param top the largest activations
   * @param quantiles random examples, from the lowest activations to the highest
   * @param promoted tokens with the logits that it raises most
   * @param suppressed tokens with the logits that it lowers most
   * @param explanation in words; empty for none
   * @param scores of the explanation
   */
  public record Card(
      int feature,
      long active,
      double density,
      double mean,
      double max,
      Histogram histogram,
      List<FeatureExample> top,
      List<Quantile> quantiles,
      List<TokenEffect> promoted,
      List<TokenEffect> suppressed,
      String explanation,
      List<Score> scores) {
    public Card {
      top = List.copyOf(top);
      quantiles = List.copyOf(quantiles);
      promoted = List.copyOf(promoted);
      suppressed = List.copyOf(suppressed);
      scores = List.copyOf(scores);
    }
  }

  /**
   * A score of an explanation.
   *
   * @param name of the score
   * @param own balanced accuracy of the explanation
   * @param other balanced accuracy of another feature's explanation
   * @param failed number of texts without a valid answer to one of the two
   */
  public record Score(String name, double own, double other, int failed) {}

  public FeatureCards {
    cards = List.copyOf(cards);
  }
}
