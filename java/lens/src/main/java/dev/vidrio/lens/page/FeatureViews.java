package dev.vidrio.lens.page;

import dev.vidrio.lens.decode.sae.explain.ClassificationScore;
import dev.vidrio.lens.decode.sae.explain.FeatureExplanation;
import dev.vidrio.lens.decode.sae.explain.FeatureExplanation.Scores;
import dev.vidrio.lens.decode.sae.index.FeatureExample;
import dev.vidrio.lens.decode.sae.index.FeatureRecord;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.Quantile;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.TokenEffect;
import dev.vidrio.lens.decode.sae.index.IndexHeader;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Creates the pictures of an index of features. */
public final class FeatureViews {
  /** Digits of numbers, which keeps pages of many features small. */
  private static final MathContext DIGITS = new MathContext(4);

  /** Tokens of a row. */
  private static final int TOKENS = 5;

  /** Examples of a quantile on a page. */
  private static final int EXAMPLES = 4;

  private FeatureViews() {}

  /** Returns the table of all features. */
  public static FeatureTable table(IndexHeader header, List<FeatureTable.Row> rows) {
    return new FeatureTable(
        "Features of " + header.dictionary(),
        ("%d features of %s over %d tokens in %d texts: %.1f active per token, %d never active."
                + " Density: the fraction of tokens at which a feature is active. Scores: balanced"
                + " accuracy of the explanation, 0.5 is chance.")
            .formatted(
                header.features(),
                header.hook(),
                header.tokens(),
                header.texts(),
                header.l0(),
                header.dead()),
        rows);
  }

  /**
   * Returns the row of a feature.
   *
   * @param page the file with its details
   */
  public static FeatureTable.Row row(
      FeatureRecord feature, @Nullable FeatureExplanation explanation, String page) {
    Scores scores = explanation == null ? null : explanation.scores();
    return new FeatureTable.Row(
        feature.feature(),
        page,
        rounded(feature.density()),
        rounded(feature.max()),
        feature.top().stream()
            .map(example -> example.tokens().get(example.position() - example.from()))
            .distinct()
            .limit(TOKENS)
            .toList(),
        feature.promoted().stream().limit(TOKENS).map(TokenEffect::piece).toList(),
        explanation == null ? "" : explanation.text(),
        scores == null ? null : accuracy(scores.detection()),
        scores == null ? null : accuracy(scores.fuzzing()));
  }

  private static double rounded(double value) {
    return new BigDecimal(value).round(DIGITS).doubleValue();
  }

  private static @Nullable Double accuracy(ClassificationScore score) {
    return score.classified() == 0 ? null : (Double) rounded(score.accuracy());
  }

  /**
   * Returns the details of features.
   *
   * @param contents the file with all features
   */
  public static FeatureCards cards(
      IndexHeader header, String contents, List<FeatureCards.Card> cards) {
    return new FeatureCards(
        "Features of " + header.dictionary(),
        "Activations of features of %s; the token in the frame is the example's."
            .formatted(header.hook()),
        contents,
        cards);
  }

  /** Returns the details of a feature. */
  public static FeatureCards.Card card(
      FeatureRecord feature, @Nullable FeatureExplanation explanation) {
    return new FeatureCards.Card(
        feature.feature(),
        feature.active(),
        rounded(feature.density()),
        rounded(feature.mean()),
        rounded(feature.max()),
        feature.histogram(),
        rounded(feature.top()),
        feature.quantiles().stream()
            .map(q -> new Quantile(q.from(), q.to(), rounded(evenly(q.examples()))))
            .toList(),
        feature.promoted(),
        feature.suppressed(),
        explanation == null ? "" : explanation.text(),
        explanation == null || explanation.scores() == null
            ? List.of()
            : List.of(
                score("detection", explanation.scores(), Scores::detection, Scores::otherDetection),
                score("fuzzing", explanation.scores(), Scores::fuzzing, Scores::otherFuzzing)));
  }

  private static FeatureCards.Score score(
      String name,
      Scores scores,
      Function<Scores, ClassificationScore> own,
      Function<Scores, ClassificationScore> other) {
    return new FeatureCards.Score(
        name,
        own.apply(scores).accuracy(),
        other.apply(scores).accuracy(),
        own.apply(scores).failed() + other.apply(scores).failed());
  }

  /** Returns examples of the whole range of a quantile. */
  private static List<FeatureExample> evenly(List<FeatureExample> examples) {
    int step = Math.ceilDiv(Math.max(1, examples.size()), EXAMPLES);
    return IntStream.range(0, examples.size())
        .filter(i -> i % step == 0)
        .mapToObj(examples::get)
        .toList();
  }

  private static List<FeatureExample> rounded(List<FeatureExample> examples) {
    return examples.stream()
        .map(
            e ->
                new FeatureExample(
                    e.text(),
                    e.position(),
                    e.from(),
                    e.tokens(),
                    e.activations().stream().map(a -> (float) rounded((double) a)).toList()))
        .toList();
  }
}
