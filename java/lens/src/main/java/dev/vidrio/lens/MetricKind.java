package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * The metrics that have a name: the values of {@code --metric} and of the field {@code metric} of
 * HTTP requests. Their tokens are those of the texts or, in a {@link MetricSpec}, fixed ones.
 *
 * @see Metric
 * @see "docs/lens/metrics.md"
 */
public enum MetricKind {
  /** {@link Metric#logitDifference}. */
  LOGIT_DIFF(
      "logit difference",
      "logits",
      Tokens.SET,
      Tokens.SET,
      "logit of the answer minus that of the wrong answer; of sets, their mean logits"),
  /** {@link Metric#logit}. */
  LOGIT("logit", "logits", Tokens.SET, Tokens.NONE, "logit of the answer; of a set, the mean"),
  /** The difference of two {@linkplain Metric#probability probabilities}. */
  PROB_DIFF(
      "probability difference",
      "probability",
      Tokens.SET,
      Tokens.SET,
      "total probability of the answers minus that of the wrong answers"),
  /** {@link Metric#probability}. */
  PROB("probability", "probability", Tokens.SET, Tokens.NONE, "total probability of the answers"),
  /** {@link Metric#logProbability(int[])}. */
  LOGPROB(
      "log-probability",
      "nats",
      Tokens.SEQUENCE,
      Tokens.NONE,
      "log-probability of the answer, which may have several tokens"),
  /** {@link Metric#divergence}. */
  KL(
      "KL divergence",
      "nats",
      Tokens.NONE,
      Tokens.NONE,
      "KL divergence of the prediction from that of the clean run, KL(clean ‖ run)"),
  /** {@link Metric#entropy}. */
  ENTROPY("entropy", "nats", Tokens.NONE, Tokens.NONE, "entropy of the prediction"),
  /** {@link Metric#accuracy}. */
  ACCURACY(
      "accuracy",
      "fraction",
      Tokens.SET,
      Tokens.OPTIONAL_SET,
      "1 if an answer has a larger logit than all wrong answers, or than all other tokens if none"
          + " are given; has no gradient");

  /** The tokens that a metric needs. */
  enum Tokens {
    NONE,
    OPTIONAL_SET,
    SET,
    SEQUENCE
  }

  private final String label;
  private final String unit;
  private final String description;
  final Tokens answers;
  final Tokens wrong;

  MetricKind(String label, String unit, Tokens answers, Tokens wrong, String description) {
    this.label = label;
    this.unit = unit;
    this.answers = answers;
    this.wrong = wrong;
    this.description = description;
  }

  /** Returns the value of {@code --metric}: {@code logit-diff}. */
  public String key() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Returns what results are called: {@code logit difference}. */
  public String label() {
    return label;
  }

  /** Returns the name of results in JSON: {@code logit_difference}. */
  public String field() {
    return label.toLowerCase(Locale.ROOT).replace(' ', '_').replace('-', '_');
  }

  /** Returns the unit: {@code logits}, {@code nats}, {@code probability} or {@code fraction}. */
  public String unit() {
    return unit;
  }

  /** Returns a line of help. */
  public String description() {
    return description;
  }

  /** Returns whether the metric has a gradient. */
  public boolean isDifferentiable() {
    return this != ACCURACY;
  }

  /** Returns whether the metric needs answers. */
  public boolean needsAnswers() {
    return answers != Tokens.NONE;
  }

  /** Returns whether the metric needs wrong answers. */
  public boolean needsWrong() {
    return wrong == Tokens.SET;
  }

  /** Returns whether the metric reads wrong answers if there are some. */
  public boolean readsWrong() {
    return wrong != Tokens.NONE;
  }

  /** Returns whether the answer is a text of any number of tokens, rather than a set of tokens. */
  public boolean readsSequence() {
    return answers == Tokens.SEQUENCE;
  }

  /**
   * Returns the metric with a name.
   *
   * @throws InvalidInputException if there is none
   */
  public static MetricKind of(String key) {
    return Arrays.stream(values())
        .filter(kind -> kind.key().equals(key.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () -> new InvalidInputException("metric", key, "unknown; available: " + keys()));
  }

  /** Returns the names of all metrics, separated by commas. */
  public static String keys() {
    return Arrays.stream(values()).map(MetricKind::key).collect(Collectors.joining(", "));
  }
}
