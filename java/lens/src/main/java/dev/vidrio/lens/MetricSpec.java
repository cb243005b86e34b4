package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.MetricKind.Tokens;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * A metric by name, with the tokens of each text or fixed ones: {@code logit-diff}, {@code kl},
 * {@code prob-diff:33,34,35/31,32}. {@link #bind} resolves the tokens with a model's vocabulary.
 *
 * <p>An answer is the text of one token or {@code #} and its id. Where a metric accepts a set, a
 * text that is not one token is a list, separated by commas. The answer of {@code logprob} is a
 * text of any number of tokens.
 *
 * @param kind the metric
 * @param answers the answers for all texts; none for those of each text
 * @param wrong the wrong answers for all texts; none for those of each text
 * @see "docs/lens/metrics.md"
 */
public record MetricSpec(MetricKind kind, List<String> answers, List<String> wrong) {
  private static final EncodeOptions BARE = EncodeOptions.DEFAULT.withAddBosEos(false);

  /** The logit difference of each text's answers. */
  public static final MetricSpec DEFAULT = of(MetricKind.LOGIT_DIFF);

  public MetricSpec {
    answers = List.copyOf(answers);
    wrong = List.copyOf(wrong);
  }

  /** Returns a metric of each text's tokens. */
  public static MetricSpec of(MetricKind kind) {
    return new MetricSpec(kind, List.of(), List.of());
  }

  /**
   * Parses {@code NAME}, or {@code NAME:ANSWERS} or {@code NAME:ANSWERS/WRONG} for the same tokens
   * with all texts.
   *
   * @throws InvalidInputException if the name is unknown, or the metric does not read the tokens
   */
  public static MetricSpec parse(String text) {
    int colon = text.indexOf(':');
    MetricKind kind = MetricKind.of(colon < 0 ? text : text.substring(0, colon));
    if (colon < 0) {
      return of(kind);
    }
    String tokens = text.substring(colon + 1);
    int slash = kind.wrong == Tokens.NONE ? -1 : tokens.indexOf('/');
    String answers = slash < 0 ? tokens : tokens.substring(0, slash);
    Preconditions.require(kind.needsAnswers(), "metric", text, kind.key() + " reads no answer");
    Preconditions.require(!answers.isEmpty(), "metric", text, "has no answer after the colon");
    boolean missing = kind.needsWrong() && (slash < 0 || slash == tokens.length() - 1);
    Preconditions.require(!missing, "metric", text, "must have wrong answers after a slash");
    return new MetricSpec(
        kind,
        List.of(answers),
        slash < 0 || slash == tokens.length() - 1
            ? List.of()
            : List.of(tokens.substring(slash + 1)));
  }

  /** Returns whether each text must have answers. */
  public boolean needsAnswers() {
    return kind.needsAnswers() && answers.isEmpty();
  }

  /** Returns whether each text must have wrong answers. */
  public boolean needsWrong() {
    return kind.needsWrong() && answers.isEmpty();
  }

  /**
   * Checks that the metric has a gradient.
   *
   * @param method that uses gradients, for the error
   * @throws InvalidInputException if it has none
   */
  public void requireDifferentiable(String method) {
    Preconditions.require(
        kind.isDifferentiable(),
        "metric",
        kind.key(),
        "has no gradient, which " + method + " uses");
  }

  /**
   * Checks that the metric has a gradient other than 0 at the clean run.
   *
   * @param method that uses the gradient of the clean run, for the error
   * @throws InvalidInputException if it has none
   */
  public void requireCleanGradient(String method) {
    requireDifferentiable(method);
    boolean flat = kind == MetricKind.KL;
    String limit = "its gradient at the clean run, which " + method + " uses, is 0";
    Preconditions.require(!flat, "metric", kind.key(), limit);
  }

  /**
   * A metric with its tokens.
   *
   * @param kind the metric's kind
   * @param answers the answers, or the tokens of the one answer; empty if the metric reads none
   * @param wrong the wrong answers; empty if the metric reads none
   */
  public record Bound(MetricKind kind, List<Integer> answers, List<Integer> wrong) {
    public Bound {
      answers = List.copyOf(answers);
      wrong = List.copyOf(wrong);
    }

    /**
     * Returns a text as the metric reads it: followed by all tokens of an answer of several but the
     * last.
     */
    public int[] text(int[] tokens) {
      return kind == MetricKind.LOGPROB ? Metric.forced(tokens, array(answers)) : tokens;
    }

    /**
     * Returns the metric.
     *
     * @param clean tokens of the clean text; a divergence is measured from its prediction
     * @throws InvalidInputException if the model does not support the clean text
     */
    public Metric metric(Lens lens, int[] clean) {
      int[] right = array(answers);
      int[] other = array(wrong);
      return switch (kind) {
        case LOGIT_DIFF -> Metric.meanLogitDifference(right, other);
        case LOGIT -> Metric.meanLogitDifference(right, new int[0]);
        case PROB_DIFF -> Metric.probability(right).minus(Metric.probability(other));
        case PROB -> Metric.probability(right);
        case LOGPROB -> Metric.logProbability(right);
        case KL -> Metric.divergence(lens, clean);
        case ENTROPY -> Metric.entropy();
        case ACCURACY -> Metric.accuracy(right, other);
      };
    }

    /**
     * Checks that no answer is also a wrong one.
     *
     * @param where the text, for errors, such as {@code " of line 3"}
     * @throws InvalidInputException if one is
     */
    public void requireDifferent(String where) {
      for (int token : wrong) {
        boolean differs = !answers.contains(token);
        Preconditions.require(
            differs, "wrong answer" + where, token, "must differ from the correct answer");
      }
    }

    /**
     * Returns a pair of texts with this metric.
     *
     * @param clean tokens
     * @param corrupted as many tokens
     * @throws InvalidInputException if the texts differ in length, the model does not support them,
     *     or an answer is also a wrong one
     */
    public TextPair pair(Lens lens, int[] clean, int[] corrupted) {
      requireDifferent("");
      return new TextPair(text(clean), text(corrupted), metric(lens, clean));
    }
  }

  /**
   * Resolves the tokens of a text.
   *
   * @param answer the text's answers: one, or a list; fixed ones take precedence
   * @param wrong the text's wrong answers
   * @param where the text, for errors, such as {@code " of line 3"}
   * @throws InvalidInputException if the metric needs answers and there are none, or an answer is
   *     not a token of the model
   */
  public Bound bind(Model model, List<String> answer, List<String> wrong, String where) {
    List<String> right = answers.isEmpty() ? answer : answers;
    List<String> other = answers.isEmpty() ? wrong : this.wrong;
    return new Bound(
        kind,
        tokens(model, kind.answers, "answer" + where, right),
        tokens(model, kind.wrong, "wrong" + where, other));
  }

  private List<Integer> tokens(Model model, Tokens needed, String field, List<String> texts) {
    if (needed == Tokens.NONE) {
      return List.of();
    }
    boolean given = texts.stream().anyMatch(text -> !text.isEmpty());
    Preconditions.require(
        given || needed == Tokens.OPTIONAL_SET, field, "", "required by metric " + kind.key());
    if (!given) {
      return List.of();
    }
    if (needed == Tokens.SEQUENCE) {
      Preconditions.require(
          texts.size() == 1, field, texts.size() + " answers", "must be one for " + kind.key());
      return Arrays.stream(sequence(model, field, texts.getFirst())).boxed().toList();
    }
    return texts.stream().flatMap(text -> set(model, field, text)).distinct().toList();
  }

  /** Returns the token of a text, or those of a list that is not itself a token. */
  private static Stream<Integer> set(Model model, String field, String text) {
    if (text.indexOf(',') <= 0 || isToken(model, text)) {
      return Stream.of(token(model, field, text));
    }
    return Arrays.stream(text.split(",")).map(one -> token(model, field, one));
  }

  private static boolean isToken(Model model, String text) {
    return model.tokenizer().encode(text, BARE).length == 1;
  }

  /**
   * Returns the token of a text, or of {@code #} and its id.
   *
   * @param field what the token is, for errors
   * @throws InvalidInputException if the text is not exactly one token, or the id is unknown
   */
  public static int token(Model model, String field, String text) {
    if (text.matches("#\\d{1,9}")) {
      int id = Integer.parseInt(text.substring(1));
      int vocabulary = model.architecture().vocabulary();
      Preconditions.require(id < vocabulary, field, text, "must be #0 to #" + (vocabulary - 1));
      return id;
    }
    try {
      return model.tokenizer().token(text);
    } catch (InvalidInputException e) {
      throw new InvalidInputException(field, text, e.limit() + "; #N gives a token by its id");
    }
  }

  /** Returns the tokens of an answer as they follow a text: one, an id, or several. */
  private static int[] sequence(Model model, String field, String text) {
    Tokenizer tokenizer = model.tokenizer();
    if (text.matches("#\\d{1,9}") || isToken(model, text)) {
      return new int[] {token(model, field, text)};
    }
    // Some tokenizers add a space before a text, which an answer after a text does not have.
    int[] letter = tokenizer.encode("a", BARE);
    int[] both = tokenizer.encode("a" + text, BARE);
    boolean apart =
        both.length > letter.length
            && Arrays.equals(letter, 0, letter.length, both, 0, letter.length);
    return apart
        ? Arrays.copyOfRange(both, letter.length, both.length)
        : tokenizer.encode(text, BARE);
  }

  private static int[] array(List<Integer> tokens) {
    return tokens.stream().mapToInt(Integer::intValue).toArray();
  }

  /** Returns the metric as {@link #parse} reads it. */
  @Override
  public String toString() {
    return kind.key()
        + (answers.isEmpty() ? "" : ":" + String.join(",", answers))
        + (wrong.isEmpty() ? "" : "/" + String.join(",", wrong));
  }
}
