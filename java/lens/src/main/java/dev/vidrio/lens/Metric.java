package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.lens.plan.Inputs;
import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.Session;
import dev.vidrio.model.SessionOptions;
import dev.vidrio.model.sampling.LogProbability;
import java.lang.foreign.MemorySegment;

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

  /** The probability of a token. */
  static DifferentiableMetric probability(int token) {
    return (logits, gradient) -> {
      Inputs.requireToken(logits, token);
      double p = Math.exp(LogProbability.of(logits, token));
      logProbabilityGradient(logits, token, p, gradient);
      return p;
    };
  }

  /** The natural logarithm of the probability of a token. */
  static DifferentiableMetric logProbability(int token) {
    return (logits, gradient) -> {
      Inputs.requireToken(logits, token);
      logProbabilityGradient(logits, token, 1, gradient);
      return LogProbability.of(logits, token);
    };
  }

  private static void logProbabilityGradient(
      MemorySegment logits, int token, double factor, MemorySegment gradient) {
    double total = logits.getAtIndex(JAVA_FLOAT, token) - LogProbability.of(logits, token);
    for (long w = 0; w < logits.byteSize() / Float.BYTES; w++) {
      double p = Math.exp(logits.getAtIndex(JAVA_FLOAT, w) - total);
      gradient.setAtIndex(JAVA_FLOAT, w, (float) (factor * ((w == token ? 1 : 0) - p)));
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
