package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.sampling.LogProbability;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Maps the logits [V] after the last token to a number that measures the effect of an intervention,
 * such as a logit difference. The metrics of this interface throw {@link InvalidInputException} if
 * a token is not in the vocabulary. {@link MetricKind} lists those that have a name on the command
 * line.
 *
 * <p>A metric may also read the logits after each of the last {@link #positions} tokens: the
 * {@linkplain #logProbability(int[]) log-probability of an answer of several tokens} is a function
 * of the logits after the text and after all tokens of the answer but the last, with which the text
 * then ends (teacher forcing).
 *
 * <p>Any function of logits is a metric; methods that use gradients need a {@link
 * DifferentiableMetric}:
 *
 * {@snippet file="LensExamplesTest.java" region="metric"}
 *
 * @see TextPair
 * @see "docs/lens/metrics.md"
 */
@FunctionalInterface
public interface Metric {
  /**
   * Returns the metric.
   *
   * @param logits f32 [V], or [positions, V] after the last tokens, valid during this call
   */
  double of(MemorySegment logits);

  /** Returns the number of last tokens after which the metric reads logits: 1 for most metrics. */
  default int positions() {
    return 1;
  }

  /** Returns the logit of a token. */
  static DifferentiableMetric logit(int token) {
    return (logits, gradient) -> {
      Preconditions.requireToken(logits, token);
      gradient.setAtIndex(JAVA_FLOAT, token, 1);
      return logits.getAtIndex(JAVA_FLOAT, token);
    };
  }

  /** Returns the logit of one token minus that of another. */
  static DifferentiableMetric logitDifference(int answer, int wrong) {
    return (logits, gradient) -> {
      Preconditions.requireToken(logits, answer);
      Preconditions.requireToken(logits, wrong);
      gradient.setAtIndex(JAVA_FLOAT, answer, 1);
      gradient.setAtIndex(JAVA_FLOAT, wrong, gradient.getAtIndex(JAVA_FLOAT, wrong) - 1);
      return (double) logits.getAtIndex(JAVA_FLOAT, answer) - logits.getAtIndex(JAVA_FLOAT, wrong);
    };
  }

  /** Returns the total probability of tokens; duplicates count once. */
  static DifferentiableMetric probability(int... tokens) {
    int[] different = Arrays.stream(tokens).distinct().toArray();
    return (logits, gradient) -> {
      double logSum = LogProbability.logSum(logits);
      double p = 0;
      for (int token : different) {
        Preconditions.requireToken(logits, token);
        p += Math.exp(logits.getAtIndex(JAVA_FLOAT, token) - logSum);
      }
      for (long w = 0; w < logits.byteSize() / Float.BYTES; w++) {
        double own = Math.exp(logits.getAtIndex(JAVA_FLOAT, w) - logSum);
        gradient.setAtIndex(JAVA_FLOAT, w, (float) (-p * own));
      }
      for (int token : different) {
        double own = Math.exp(logits.getAtIndex(JAVA_FLOAT, token) - logSum);
        gradient.setAtIndex(JAVA_FLOAT, token, (float) (own * (1 - p)));
      }
      return p;
    };
  }

  /**
   * Returns the divergence {@code KL(p ‖ q)} in nats of a prediction q from the prediction p after
   * these tokens without interventions, by which Conmy et al. (2023, arXiv 2304.14997) judge
   * circuits.
   *
   * @throws InvalidInputException if the model does not support the tokens
   */
  static DifferentiableMetric divergence(Lens lens, int[] tokens) {
    return divergence(logits(lens, tokens), 1);
  }

  /**
   * Returns the divergence {@code KL(p ‖ q)} in nats of predictions q at the last tokens from given
   * ones p, summed over the positions.
   *
   * @param logits of p, [positions, V]
   * @param positions the number of last tokens, 1 or more
   */
  static DifferentiableMetric divergence(float[] logits, int positions) {
    Preconditions.requirePositive("positions", positions);
    return new PredictionDivergence(logits, positions);
  }

  /** Returns the log-probability of a token, in nats. */
  static DifferentiableMetric logProbability(int token) {
    return (logits, gradient) -> {
      Preconditions.requireToken(logits, token);
      double logSum = LogProbability.logSum(logits);
      for (long w = 0; w < logits.byteSize() / Float.BYTES; w++) {
        double p = Math.exp(logits.getAtIndex(JAVA_FLOAT, w) - logSum);
        gradient.setAtIndex(JAVA_FLOAT, w, (float) ((w == token ? 1 : 0) - p));
      }
      return logits.getAtIndex(JAVA_FLOAT, token) - logSum;
    };
  }

  /**
   * Returns the log-probability of an answer of m tokens, in nats: {@code Σ_k log p(a_k | text, a_1
   * … a_{k−1})}, read from the logits after the last m tokens. The text that runs must end with the
   * first m − 1 tokens of the answer, as {@link TextPair#ofAnswer} and {@link #forced} arrange.
   *
   * @param answer its tokens, 1 or more
   * @throws InvalidInputException if there is none
   */
  static DifferentiableMetric logProbability(int[] answer) {
    Preconditions.require(answer.length > 0, "answer", "", "must have 1 or more tokens");
    return answer.length == 1 ? logProbability(answer[0]) : new AnswerLogProbability(answer);
  }

  /** Returns a text followed by all tokens of an answer but the last. */
  static int[] forced(int[] text, int[] answer) {
    int[] all = Arrays.copyOf(text, text.length + Math.max(0, answer.length - 1));
    System.arraycopy(answer, 0, all, text.length, all.length - text.length);
    return all;
  }

  /**
   * Returns the entropy of the prediction in nats, {@code −Σ_w p_w log p_w}: low if the model is
   * certain.
   */
  static DifferentiableMetric entropy() {
    return (logits, gradient) -> {
      double logSum = LogProbability.logSum(logits);
      long vocabulary = logits.byteSize() / Float.BYTES;
      double entropy = 0;
      for (long w = 0; w < vocabulary; w++) {
        double log = logits.getAtIndex(JAVA_FLOAT, w) - logSum;
        double p = Math.exp(log);
        entropy -= p == 0 ? 0 : p * log;
      }
      for (long w = 0; w < vocabulary; w++) {
        double log = logits.getAtIndex(JAVA_FLOAT, w) - logSum;
        double p = Math.exp(log);
        gradient.setAtIndex(JAVA_FLOAT, w, p == 0 ? 0 : (float) (-p * (log + entropy)));
      }
      return entropy;
    };
  }

  /**
   * Returns the mean logit of some tokens minus that of others. Duplicates count once.
   *
   * @param answers one or more tokens
   * @param wrong other tokens; may be none
   */
  static DifferentiableMetric meanLogitDifference(int[] answers, int[] wrong) {
    if (answers.length == 1 && wrong.length <= 1) {
      return wrong.length == 0 ? logit(answers[0]) : logitDifference(answers[0], wrong[0]);
    }
    DifferentiableMetric mean = meanLogit(answers);
    return wrong.length == 0 ? mean : mean.minus(meanLogit(wrong));
  }

  private static DifferentiableMetric meanLogit(int[] tokens) {
    int[] different = Arrays.stream(tokens).distinct().toArray();
    return (logits, gradient) -> {
      double sum = 0;
      for (int token : different) {
        Preconditions.requireToken(logits, token);
        gradient.setAtIndex(JAVA_FLOAT, token, 1f / different.length);
        sum += logits.getAtIndex(JAVA_FLOAT, token);
      }
      return sum / different.length;
    };
  }

  /**
   * Returns 1 if the answer is right, or else 0: the mean over texts is the accuracy. An answer is
   * right if its largest logit exceeds those of all wrong tokens. The metric is piecewise constant
   * and has no gradient.
   *
   * @param answers one or more tokens
   * @param wrong other tokens; none for all that are not answers
   */
  static Metric accuracy(int[] answers, int[] wrong) {
    Set<Integer> right = Arrays.stream(answers).boxed().collect(Collectors.toSet());
    return logits -> {
      float best = Float.NEGATIVE_INFINITY;
      for (int token : right) {
        Preconditions.requireToken(logits, token);
        best = Math.max(best, logits.getAtIndex(JAVA_FLOAT, token));
      }
      float other = Float.NEGATIVE_INFINITY;
      for (int token : wrong) {
        Preconditions.requireToken(logits, token);
        other = Math.max(other, logits.getAtIndex(JAVA_FLOAT, token));
      }
      for (int w = 0; wrong.length == 0 && w < logits.byteSize() / Float.BYTES; w++) {
        other = right.contains(w) ? other : Math.max(other, logits.getAtIndex(JAVA_FLOAT, w));
      }
      return best > other ? 1 : 0;
    };
  }

  /**
   * Returns 1 if greedy decoding gives an answer of m tokens, or else 0, read from the logits after
   * the last m tokens as {@link #logProbability(int[])} does. It has no gradient.
   *
   * @param answer its tokens, 1 or more
   * @throws InvalidInputException if there is none
   */
  static Metric greedy(int[] answer) {
    Preconditions.require(answer.length > 0, "answer", "", "must have 1 or more tokens");
    return new GreedyAnswer(answer);
  }

  /**
   * Returns the metric of a run with interventions.
   *
   * @throws InvalidInputException if an intervention does not fit its point, or the model does not
   *     support the tokens
   */
  default double of(Lens lens, int[] tokens, List<Intervention> edits) {
    requirePositions(tokens);
    HookPoint logits = HookPoint.of(HookSite.LOGITS);
    Capture last = Capture.of(logits.name()).last(positions());
    try (ActivationCache cache = lens.run(tokens, last, edits)) {
      return of(cache.get(logits).data());
    }
  }

  /**
   * Returns the metric of a run without interventions.
   *
   * @throws InvalidInputException if the model does not support the tokens
   */
  default double of(Lens lens, int[] tokens) {
    if (positions() > 1) {
      return of(lens, tokens, List.of());
    }
    return of(MemorySegment.ofArray(logits(lens, tokens)));
  }

  /**
   * Checks that a text has a token for each position that the metric reads.
   *
   * @throws InvalidInputException if it has fewer
   */
  default void requirePositions(int[] tokens) {
    String limit = "the metric reads the logits after the last " + positions();
    boolean enough = positions() == 1 || tokens.length >= positions();
    Preconditions.require(enough, "text", tokens.length + " tokens", limit);
  }

  /** Returns the logits after tokens, [V]. */
  private static float[] logits(Lens lens, int[] tokens) {
    Preconditions.requireTokens(lens.model(), tokens);
    SessionOptions options = SessionOptions.EXACT.withContext(tokens.length);
    try (LensSession session = lens.open(Capture.NONE, options)) {
      return session.feed(session.newSequence(), tokens).toArray(JAVA_FLOAT);
    }
  }
}
