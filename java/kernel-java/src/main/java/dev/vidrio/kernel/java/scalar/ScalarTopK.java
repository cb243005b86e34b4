package dev.vidrio.kernel.java.scalar;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.op.Op;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.stream.IntStream;

/** Top-k, as defined by docs/numerics.md. */
public class ScalarTopK {
  private final LaneSum lanes = new LaneSum();

  /** Computes one row. */
  public void row(
      Op.TopK op,
      MemorySegment x,
      MemorySegment values,
      MemorySegment ids,
      MemorySegment sums,
      int row) {
    long at = (long) row * op.x().width();
    int[] chosen = topIds(op, x, at);
    for (int i = 0; i < op.k(); i++) {
      long to = (long) row * op.k() + i;
      ids.setAtIndex(JAVA_INT, to, chosen[i]);
      Elements.set(values, to, Elements.get(x, at + chosen[i]));
    }
    sum(op, x, at, sums, row);
  }

  /** Returns the ids of the k largest elements of the row that begins at {@code at}. */
  protected int[] topIds(Op.TopK op, MemorySegment x, long at) {
    Comparator<Integer> descending =
        Comparator.comparing(
            id -> {
              float value = Elements.get(x, at + id);
              return Float.isNaN(value) ? Float.NEGATIVE_INFINITY : value + 0.0f;
            },
            Comparator.reverseOrder());
    return IntStream.range(0, op.x().width())
        .boxed()
        .sorted(descending) // stable: keeps the order of equal elements
        .limit(op.k())
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /** Merges the sums of the chunks, in the order in which attention merges its chunks. */
  private void sum(Op.TopK op, MemorySegment x, long at, MemorySegment sums, int row) {
    float maximum = 0;
    float sum = 0;
    for (int first = 0; first < op.x().width(); first += op.chunk()) {
      int n = Math.min(op.chunk(), op.x().width() - first);
      float later = maximum(x, at + first, n) + 0.0f;
      float laterSum = sumExp(x, at + first, n, later);
      if (first == 0) {
        maximum = later;
        sum = laterSum;
      } else {
        float greater = later > maximum ? later : maximum;
        float kept = sum * ScalarMath.exp(maximum - greater);
        sum = Math.fma(laterSum, ScalarMath.exp(later - greater), kept);
        maximum = greater;
      }
    }
    Elements.set(sums, 2L * row, maximum);
    Elements.set(sums, 2L * row + 1, sum);
  }

  /** Returns the maximum of n elements. */
  protected float maximum(MemorySegment x, long at, int n) {
    float maximum = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      float value = Elements.get(x, at + i);
      maximum = value > maximum ? value : maximum;
    }
    return maximum;
  }

  /** Returns the lane sum of exp(x − maximum) over n elements. */
  protected float sumExp(MemorySegment x, long at, int n, float maximum) {
    lanes.clear();
    for (int i = 0; i < n; i++) {
      lanes.add(i, ScalarMath.exp(Elements.get(x, at + i) - maximum));
    }
    return lanes.merge();
  }
}
