package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.Session;
import dev.vidrio.model.SessionOptions;
import dev.vidrio.model.sampling.LogProbability;
import java.lang.foreign.MemorySegment;

/** What an intervention is judged by: a number from the logits [V] after the last token. */
@FunctionalInterface
public interface Metric {
  /**
   * The number.
   *
   * @param logits f32, valid during this call
   */
  double of(MemorySegment logits);

  /** The logit of one token less that of another. */
  static Metric logitDifference(int answer, int wrong) {
    return logits ->
        (double) logits.getAtIndex(JAVA_FLOAT, answer) - logits.getAtIndex(JAVA_FLOAT, wrong);
  }

  /** The probability of a token. */
  static Metric probability(int token) {
    return logits -> Math.exp(LogProbability.of(logits, token));
  }

  /** The natural logarithm of the probability of a token. */
  static Metric logProbability(int token) {
    return logits -> LogProbability.of(logits, token);
  }

  /**
   * The number of a text, with nothing changed.
   *
   * @throws InvalidInputException when the model cannot take the tokens
   */
  default double of(Lens lens, int[] tokens) {
    lens.requireTokens(tokens);
    try (Session session =
        lens.model().newSession(SessionOptions.DEFAULT.withContext(tokens.length))) {
      return of(session.feed(session.newSequence(), tokens));
    }
  }
}
