package dev.vidrio.model.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.kernel.TopKHeap;
import java.lang.foreign.MemorySegment;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The k most likely tokens of a row of logits, in descending order, equal ones by ascending id. All
 * other tokens rank after the last one.
 *
 * @param ids int32 token ids [k]
 * @param values f32 logits [k] of the model itself, before bias, penalties and temperature
 * @param maximum the maximum logit
 * @param sum the sum of {@code exp(logit − maximum)} over the whole row
 */
public record Candidates(MemorySegment ids, MemorySegment values, float maximum, float sum) {
  /** Returns k. */
  public int count() {
    return (int) (ids.byteSize() / Integer.BYTES);
  }

  /** Returns the id of the i-th token. */
  public int id(int i) {
    return ids.getAtIndex(JAVA_INT, i);
  }

  /** Returns the logit of the i-th token. */
  public float value(int i) {
    return values.getAtIndex(JAVA_FLOAT, i);
  }

  /**
   * Returns the n most likely tokens that a mask allows, in descending order; fewer if it allows
   * fewer.
   *
   * @param row the f32 logits [V] of these candidates
   * @param allowed a bit for each id, {@code id & 63} of word {@code id >> 6}; null for all
   */
  public int[] mostLikely(int n, MemorySegment row, long @Nullable [] allowed) {
    int[] known =
        IntStream.range(0, count()).map(this::id).filter(isAllowed(allowed)).limit(n).toArray();
    int vocabulary = (int) (row.byteSize() / Float.BYTES);
    if (known.length == n || count() == vocabulary) {
      return known;
    }
    var top = new TopKHeap(Math.min(n, vocabulary));
    top.begin(Math.min(n, vocabulary));
    IntStream.range(0, vocabulary)
        .filter(isAllowed(allowed))
        .forEach(id -> top.offer(row.getAtIndex(JAVA_FLOAT, id), id));
    return IntStream.range(0, top.sort()).map(top::id).toArray();
  }

  private static IntPredicate isAllowed(long @Nullable [] allowed) {
    return id -> Sampler.isAllowed(id, allowed);
  }

  /** Returns the log-probability, in nats, of a token of the row, from its logit. */
  public double logProbability(float logit) {
    return (double) logit - maximum - StrictMath.log(sum);
  }
}
