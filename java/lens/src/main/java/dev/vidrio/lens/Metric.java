package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.lens.plan.Inputs;
import dev.vidrio.model.Session;
import dev.vidrio.model.SessionOptions;
import dev.vidrio.model.sampling.LogProbability;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * A number computed from the logits [V] after the last token, to measure an intervention. The
 * metrics of this interface throw {@link InvalidInputException} if the model does not know their
 * token.
 */
@FunctionalInterface
public interface Metric {
  /**
   * The number.
   *
   * @param logits f32, valid during this call
   */
  double of(MemorySegment logits);

  /** The logit of a token. */
  static DifferentiableMetric logit(int token) {
    return (logits, gradient) -> {
      Inputs.requireToken(logits, token);
      gradient.setAtIndex(JAVA_FLOAT, token, 1);
      return logits.getAtIndex(JAVA_FLOAT, token);
    };
  }

  /** The logit of one token less that of another. */
  static DifferentiableMetric logitDifference(int answer, int wrong) {
    return (logits, gradient) -> {
      Inputs.requireToken(logits, answer);
      Inputs.requireToken(logits, wrong);
      gradient.setAtIndex(JAVA_FLOAT, answer, 1);
      gradient.setAtIndex(JAVA_FLOAT, wrong, gradient.getAtIndex(JAVA_FLOAT, wrong) - 1);
      return (double) logits.getAtIndex(JAVA_FLOAT, answer) - logits.getAtIndex(JAVA_FLOAT, wrong);
    };
  }

  /** The probability of a token, or that of any of several together. */
  static DifferentiableMetric probability(int... tokens) {
    int[] different = Arrays.stream(tokens).distinct().toArray();
    return (logits, gradient) -> {
      double logSum = LogProbability.logSum(logits);
      double p = 0;
      for (int token : different) {
        Inputs.requireToken(logits, token);
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
   * How far the prediction after other tokens is from this one, in nats: {@code KL(p ‖ q)}, p that
   * of the tokens with nothing changed. Conmy et al. (2023, arXiv 2304.14997) judge circuits by it.
   *
   * @throws InvalidInputException when the model cannot take the tokens
   */
  static DifferentiableMetric divergence(Lens lens, int[] tokens) {
    Inputs.requireTokens(lens.model(), tokens);
    float[] truth;
    try (Session session =
        lens.model().newSession(SessionOptions.DEFAULT.withContext(tokens.length))) {
      truth = session.feed(session.newSequence(), tokens).toArray(JAVA_FLOAT);
    }
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

  /** The natural logarithm of the probability of a token. */
  static DifferentiableMetric logProbability(int token) {
    return (logits, gradient) -> {
      Inputs.requireToken(logits, token);
      double logSum = LogProbability.logSum(logits);
      for (long w = 0; w < logits.byteSize() / Float.BYTES; w++) {
        double p = Math.exp(logits.getAtIndex(JAVA_FLOAT, w) - logSum);
        gradient.setAtIndex(JAVA_FLOAT, w, (float) ((w == token ? 1 : 0) - p));
      }
      return logits.getAtIndex(JAVA_FLOAT, token) - logSum;
    };
  }

  /**
   * The number of a text with edits.
   *
   * @throws InvalidInputException when an edit does not fit its point, or the model cannot take the
   *     tokens
   */
  default double of(Lens lens, int[] tokens, List<Edit> edits) {
    HookPoint logits = HookPoint.of(HookSite.LOGITS);
    try (ActivationCache cache = lens.run(tokens, Capture.of(logits.name()).last(1), edits)) {
      return of(cache.get(logits).data());
    }
  }

  /**
   * The number of a text, with nothing changed.
   *
   * @throws InvalidInputException when the model cannot take the tokens
   */
  default double of(Lens lens, int[] tokens) {
    Inputs.requireTokens(lens.model(), tokens);
    try (Session session =
        lens.model().newSession(SessionOptions.DEFAULT.withContext(tokens.length))) {
      return of(session.feed(session.newSequence(), tokens));
    }
  }
}
