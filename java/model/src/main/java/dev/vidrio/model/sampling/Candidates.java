package dev.vidrio.model.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;

/**
 * The most likely tokens of a row of logits, in descending order; equal ones in ascending order of
 * id. Everything that is no candidate comes after the last one.
 *
 * @param ids int32 token ids [k]
 * @param values f32 logits [k] of the model itself: no bias, penalty or temperature
 * @param maximum the greatest logit
 * @param sum of {@code exp(logit − maximum)} over the whole row
 */
public record Candidates(MemorySegment ids, MemorySegment values, float maximum, float sum) {
  /** How many there are. */
  public int count() {
    return (int) (ids.byteSize() / Integer.BYTES);
  }

  /** The i-th token. */
  public int id(int i) {
    return ids.getAtIndex(JAVA_INT, i);
  }

  /** The logit of the i-th token. */
  public float value(int i) {
    return values.getAtIndex(JAVA_FLOAT, i);
  }

  /** The log-probability, in nats, of any token of the row, from its logit. */
  public double logProbability(float logit) {
    return (double) logit - maximum - StrictMath.log(sum);
  }
}
