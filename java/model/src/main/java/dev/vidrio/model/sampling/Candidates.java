package dev.vidrio.model.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.kernel.TopKHeap;
import java.lang.foreign.MemorySegment;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The most likely tokens of a row of logits, in descending order, equal ones by ascending id. All
 * other tokens rank after the last one.
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

  /**
   * The n most likely tokens of those that a mask allows, in order; fewer where it allows fewer.
   *
   * @param row f32 logits [V] whose candidates these are
   * @param allowed the ids as bits: {@code id & 63} of word {@code id >> 6}; null for all
   */
  public int[] mostLikely(int n, MemorySegment row, long @Nullable [] allowed) {
    int[] known =
        IntStream.range(0, count()).map(this::id).filter(isAllowed(allowed)).limit(n).toArray();
    int vocabulary = (int) (row.byteSize() / Float.BYTES);
    if (known.length == n || count() == vocabulary) {
      return known;
    }
    var greatest = new TopKHeap(Math.min(n, vocabulary));
    greatest.begin(Math.min(n, vocabulary));
    IntStream.range(0, vocabulary)
        .filter(isAllowed(allowed))
        .forEach(id -> greatest.offer(row.getAtIndex(JAVA_FLOAT, id), id));
    return IntStream.range(0, greatest.sort()).map(greatest::id).toArray();
  }

  private static IntPredicate isAllowed(long @Nullable [] allowed) {
    return id -> Sampler.isAllowed(id, allowed);
  }

  /** The log-probability, in nats, of any token of the row, from its logit. */
  public double logProbability(float logit) {
    return (double) logit - maximum - StrictMath.log(sum);
  }
}
