package dev.vidrio.lens.dataset;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Generators of the literature's data sets, as pairs of texts for a model's vocabulary. Both texts
 * of a pair have equally many tokens, and each answer is a single token after its text. A seed
 * gives the same pairs with every version of a vocabulary.
 *
 * {@snippet file="LensExamplesTest.java" region="dataset"}
 *
 * @see "docs/lens/datasets.md"
 */
public enum Dataset {
  /** Indirect object identification with three other names in the corrupted text (ABC). */
  IOI(
      MetricKind.LOGIT_DIFF,
      "indirect object identification (Wang et al. 2023), templates ABBA and BABA; corrupted: three"
          + " other names (ABC)"),
  /** Indirect object identification with the names exchanged in the corrupted text. */
  IOI_SWAP(
      MetricKind.LOGIT_DIFF,
      "the same sentences; corrupted: the indirect object is named again instead of the subject"),
  /** Years greater than a given one. */
  GREATER_THAN(
      MetricKind.PROB_DIFF,
      "years greater than a given one (Hanna et al. 2023); corrupted: the year 01 of the century"),
  /** Pronouns that agree with a name. */
  GENDER(
      MetricKind.LOGIT_DIFF,
      "the pronoun of a person named before; corrupted: a name of the other gender"),
  /** Repeated random tokens. */
  INDUCTION(
      MetricKind.LOGIT_DIFF,
      "random words, repeated (Olsson et al. 2022); corrupted: another word where the answer first"
          + " was"),
  /** Capitals of countries. */
  CAPITALS(MetricKind.LOGIT_DIFF, "capitals of countries; corrupted: another country"),
  /** Opposites of words. */
  ANTONYMS(
      MetricKind.LOGIT_DIFF,
      "opposites of words (Todd et al. 2024), after two examples; corrupted: another word"),
  /** Agreement of verb and subject. */
  AGREEMENT(
      MetricKind.LOGIT_DIFF,
      "agreement of the verb with its subject (Linzen et al. 2016); corrupted: the subject's other"
          + " number");

  private static final EncodeOptions BARE = EncodeOptions.DEFAULT.withAddBosEos(false);

  /** Draws in a row without a new pair, after which there are taken to be no more. */
  private static final int FAILURES = 1000;

  private final MetricKind metric;
  private final String description;

  /** Generates pairs with single-token words. */
  interface Generator {
    /** Returns a random pair with unchecked tokens; null for a draw in vain. */
    @Nullable PairText next();
  }

  Dataset(MetricKind metric, String description) {
    this.metric = metric;
    this.description = description;
  }

  /** Returns the name: {@code greater-than}. */
  public String key() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Returns the metric of the literature. */
  public MetricKind metric() {
    return metric;
  }

  /** Returns a line of help. */
  public String description() {
    return description;
  }

  /**
   * Returns the data set with a name.
   *
   * @throws InvalidInputException if there is none
   */
  public static Dataset of(String key) {
    return Arrays.stream(values())
        .filter(dataset -> dataset.key().equals(key.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "data set",
                    key,
                    "unknown; available: "
                        + String.join(", ", Arrays.stream(values()).map(Dataset::key).toList())));
  }

  /**
   * Generates different pairs.
   *
   * @param tokenizer of the model that will read them
   * @param count number of pairs
   * @throws InvalidInputException if the vocabulary does not have the words as single tokens, or
   *     there are not as many different pairs
   */
  public List<PairText> generate(Tokenizer tokenizer, int count, long seed) {
    Preconditions.requirePositive("pairs", count);
    var draw = new Draw(tokenizer, seed, key());
    Generator pairs = generator(draw);
    Set<PairText> found = new LinkedHashSet<>();
    int failures = 0;
    while (found.size() < count) {
      PairText pair = pairs.next();
      boolean added = pair != null && fits(tokenizer, pair) && found.add(pair);
      failures = added ? 0 : failures + 1;
      if (failures > FAILURES) {
        throw draw.refused(
            found.size() + " different pairs found for this vocabulary, not " + count);
      }
    }
    return List.copyOf(found);
  }

  private Generator generator(Draw draw) {
    return switch (this) {
      case IOI -> new IoiPairs(draw, false);
      case IOI_SWAP -> new IoiPairs(draw, true);
      case GREATER_THAN -> new GreaterThanPairs(draw);
      case GENDER -> new GenderPairs(draw);
      case INDUCTION -> new InductionPairs(draw);
      case CAPITALS -> new WordPairs(draw, "capitals", "[COUNTRY]", "facts", false);
      case ANTONYMS -> new WordPairs(draw, "antonyms", "[WORD]", "pairs", true);
      case AGREEMENT -> new AgreementPairs(draw);
    };
  }

  /** Returns whether both texts have equally many tokens, and each answer is one more. */
  private static boolean fits(Tokenizer tokenizer, PairText pair) {
    int[] clean = tokenizer.encode(pair.clean(), BARE);
    int[] corrupted = tokenizer.encode(pair.corrupted(), BARE);
    return clean.length == corrupted.length
        && !Arrays.equals(clean, corrupted)
        && pair.answers().stream().allMatch(answer -> isNext(tokenizer, pair, clean, answer))
        && pair.wrong().stream().allMatch(answer -> isNext(tokenizer, pair, clean, answer));
  }

  private static boolean isNext(Tokenizer tokenizer, PairText pair, int[] text, String answer) {
    int[] both = tokenizer.encode(pair.clean() + answer, BARE);
    return both.length == text.length + 1
        && Arrays.equals(text, 0, text.length, both, 0, text.length);
  }
}
