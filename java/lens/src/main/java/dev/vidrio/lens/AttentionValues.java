package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.SequenceOp;
import dev.vidrio.kernel.Weights;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Scores and patterns of attention, from queries and keys as they were when the model ran: watching
 * them costs a running model no more than keeping these. The sums are those of docs/numerics.md;
 * exponentials and the softmax's sum are correct to the last places.
 */
final class AttentionValues {
  private final SequenceOp.Attention op;
  private final int dH;
  private final int first;
  private final int queries;
  private final int keys;
  private final MemorySegment q;
  private final MemorySegment k;

  /**
   * @param q rotated queries [n, H, d_h] of the positions from {@code first} on
   * @param k rotated keys [keys, H_kv, d_h] of the positions from 0 on
   */
  AttentionValues(
      SequenceOp.Attention op, int kvHeads, int first, MemorySegment q, MemorySegment k) {
    this.op = op;
    this.dH = op.q().width() / op.heads();
    this.first = first;
    this.queries = Math.toIntExact(q.byteSize() / Float.BYTES / op.q().width());
    this.keys = Math.toIntExact(k.byteSize() / Float.BYTES / kvHeads / dH);
    this.q = q;
    this.k = k;
  }

  /** Fills in scores [H, n, keys]. */
  void scores(MemorySegment target) {
    int kvHeads = Math.toIntExact(k.byteSize() / Float.BYTES / keys / dH);
    List<float[][]> transposed =
        IntStream.range(0, kvHeads).parallel().mapToObj(h -> transposed(h, kvHeads)).toList();
    int group = op.heads() / kvHeads;
    rows((h, i) -> copy(scores(h, i, transposed.get(h / group)), h, i, target));
  }

  /** Fills in [H, n, keys], the softmax of scores. */
  void pattern(MemorySegment scores, MemorySegment target) {
    rows(
        (h, i) -> {
          var row = new float[keys];
          MemorySegment.copy(scores, JAVA_FLOAT, offset(h, i), row, 0, keys);
          softmax(row, h, first + i);
          copy(row, h, i, target);
        });
  }

  @FunctionalInterface
  private interface RowTask {
    void run(int h, int i);
  }

  private void rows(RowTask task) {
    IntStream.range(0, op.heads() * queries)
        .parallel()
        .forEach(row -> task.run(row / queries, row % queries));
  }

  private long offset(int h, int i) {
    return ((long) h * queries + i) * keys * Float.BYTES;
  }

  private void copy(float[] row, int h, int i, MemorySegment target) {
    MemorySegment.copy(row, 0, target, JAVA_FLOAT, offset(h, i), keys);
  }

  /** The keys of a head, [d_h][keys], so that scores of all positions are computed side by side. */
  private float[][] transposed(int kvHead, int kvHeads) {
    var transposed = new float[dH][keys];
    for (int t = 0; t < keys; t++) {
      long row = ((long) t * kvHeads + kvHead) * dH;
      for (int i = 0; i < dH; i++) {
        transposed[i][t] = k.getAtIndex(JAVA_FLOAT, row + i);
      }
    }
    return transposed;
  }

  private float[] scores(int h, int i, float[][] transposed) {
    int position = first + i;
    int from = op.first(position);
    int to = position + 1;
    var query = new float[dH];
    long at = ((long) i * op.heads() + h) * dH * Float.BYTES;
    MemorySegment.copy(q, JAVA_FLOAT, at, query, 0, dH);
    var s = new float[keys];
    for (int j = 0; j < dH; j++) {
      float factor = query[j];
      float[] row = transposed[j];
      for (int t = from; t < to; t++) {
        s[t] = Math.fma(factor, row[t], s[t]);
      }
    }
    for (int t = from; t < to; t++) {
      s[t] *= op.scale();
    }
    capAndSlope(s, h, position, from);
    Arrays.fill(s, 0, from, Float.NEGATIVE_INFINITY);
    Arrays.fill(s, to, keys, Float.NEGATIVE_INFINITY);
    return s;
  }

  private void capAndSlope(float[] s, int h, int position, int from) {
    @Nullable Weights slopes = op.slopes();
    for (int t = from; op.cap() > 0 && t <= position; t++) {
      s[t] = op.cap() * (float) Math.tanh(s[t] * (1 / op.cap()));
    }
    for (int t = from; slopes != null && t <= position; t++) {
      s[t] = Math.fma(slopes.data().getAtIndex(JAVA_FLOAT, h), t - position, s[t]);
    }
  }

  private void softmax(float[] s, int h, int position) {
    @Nullable Weights sinks = op.sinks();
    float sink = sinks == null ? Float.NEGATIVE_INFINITY : sinks.data().getAtIndex(JAVA_FLOAT, h);
    float greatest = sink;
    for (float value : s) {
      greatest = Math.max(greatest, value);
    }
    double sum = Math.exp(sink - greatest);
    for (int t = 0; t <= position; t++) {
      s[t] = (float) Math.exp(s[t] - greatest);
      sum += s[t];
    }
    float inverse = (float) (1 / sum);
    for (int t = 0; t <= position; t++) {
      s[t] *= inverse;
    }
    Arrays.fill(s, position + 1, keys, 0);
  }
}
