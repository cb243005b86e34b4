package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.sampling.LogProbability;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Maps the logits [V] after the last token to a number that measures the effect of an intervention,
 * such as a logit difference. The metrics of this interface throw {@link InvalidInputException} if
 * a token is not in the vocabulary.
 *
 * @see TextPair
 * @see "docs/lens/interventions.md"
 */
@FunctionalInterface
public interface Metric {
  /**
   * Returns the metric.
   *
   * @param logits f32 [V], valid during this call
   */
  double of(MemorySegment logits);

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
    float[] truth = logits(lens, tokens);
    double truthSum = LogProbability.logSum(MemorySegment.ofArray(truth));
    return (logits, gradient) -> {
      double logSum = LogProbability.logSum(logits);
      double divergence = 0;
      for (int w = 0; w < truth.length; w++) {
        double log = logits.getAtIndex(JAVA_FLOAT, w) - logSum;
        double p = Math.exp(truth[w] - truthSum);
        divergence += p * (truth[w] - truthSum - log);
        gradient.setAtIndex(JAVA_FLOAT, w, (float) (Math.exp(log) - p));
      }
      return divergence;
    };
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
   * Returns the metric of a run with interventions.
   *
   * @throws InvalidInputException if an intervention does not fit its point, or the model does not
   *     support the tokens
   */
  default double of(Lens lens, int[] tokens, List<Intervention> edits) {
    HookPoint logits = HookPoint.of(HookSite.LOGITS);
    try (ActivationCache cache = lens.run(tokens, Capture.of(logits.name()).last(1), edits)) {
      return of(cache.get(logits).data());
    }
  }

  /**
   * Returns the metric of a run without interventions.
   *
   * @throws InvalidInputException if the model does not support the tokens
   */
  default double of(Lens lens, int[] tokens) {
    return of(MemorySegment.ofArray(logits(lens, tokens)));
  }

  /** Returns the logits after tokens, [V]. */
  private static float[] logits(Lens lens, int[] tokens) {
    Preconditions.requireTokens(lens.model(), tokens);
    SessionOptions options = lens.adapted(SessionOptions.DEFAULT.withContext(tokens.length));
    try (Session session = lens.model().newSession(options)) {
      return session.feed(session.newSequence(), tokens).toArray(JAVA_FLOAT);
    }
  }
}
