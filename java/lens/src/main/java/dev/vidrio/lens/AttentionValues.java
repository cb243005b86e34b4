package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.SequenceOp;
import dev.vidrio.kernel.Weights;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
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

  /** Fills in [H, n, keys]: scores, or the pattern that their softmax is. */
  void fill(MemorySegment target, boolean pattern) {
    int kvHeads = Math.toIntExact(k.byteSize() / Float.BYTES / keys / dH);
    int group = op.heads() / kvHeads;
    IntStream.range(0, kvHeads)
        .parallel()
        .forEach(
            kvHead -> {
              float[][] transposed = transposed(kvHead, kvHeads);
              for (int h = kvHead * group; h < (kvHead + 1) * group; h++) {
                for (int i = 0; i < queries; i++) {
                  float[] row = scores(h, i, transposed);
                  if (pattern) {
                    softmax(row, h);
                  }
                  long at = ((long) h * queries + i) * keys * Float.BYTES;
                  MemorySegment.copy(row, 0, target, JAVA_FLOAT, at, keys);
                }
              }
            });
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
    var s = new float[keys];
    for (int j = 0; j < dH; j++) {
      float factor = q.getAtIndex(JAVA_FLOAT, ((long) i * op.heads() + h) * dH + j);
      float[] row = transposed[j];
      for (int t = from; t < to; t++) {
        s[t] = Math.fma(factor, row[t], s[t]);
      }
    }
    @Nullable Weights slopes = op.slopes();
    for (int t = from; t < to; t++) {
      s[t] *= op.scale();
      if (op.cap() > 0) {
        s[t] = op.cap() * (float) Math.tanh(s[t] * (1 / op.cap()));
      }
      if (slopes != null) {
        s[t] = Math.fma(slopes.data().getAtIndex(JAVA_FLOAT, h), t - position, s[t]);
      }
    }
    Arrays.fill(s, 0, from, Float.NEGATIVE_INFINITY);
    Arrays.fill(s, to, keys, Float.NEGATIVE_INFINITY);
    return s;
  }

  private void softmax(float[] s, int h) {
    @Nullable Weights sinks = op.sinks();
    float sink = sinks == null ? Float.NEGATIVE_INFINITY : sinks.data().getAtIndex(JAVA_FLOAT, h);
    float greatest = sink;
    for (float value : s) {
      greatest = Math.max(greatest, value);
    }
    double sum = Math.exp(sink - greatest);
    for (int t = 0; t < s.length; t++) {
      double e = Math.exp(s[t] - greatest);
      s[t] = (float) e;
      sum += e;
    }
    for (int t = 0; t < s.length; t++) {
      s[t] = (float) (s[t] / sum);
    }
  }
}
