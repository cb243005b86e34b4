package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.KvLayer;
import dev.vidrio.kernel.java.runtime.Attention;
import dev.vidrio.kernel.op.PositionBias;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Attention, as defined by docs/numerics.md, one query at a time. */
public final class ScalarAttention {
  /** The number of positions of a chunk. */
  public static final int CHUNK = 256;

  private final LaneSum sum = new LaneSum();
  private final float[] s = new float[CHUNK];

  /** Computes the attention of one query: head {@code head} of token {@code row}. */
  void attend(Attention attention, Batch batch, int row, int head) {
    SequenceOp.Attention op = attention.op();
    KvLayer layer = attention.layer();
    MemorySegment z = attention.z();
    int dV = layer.dV();
    int kvHead = head / attention.group();
    long at = ((long) row * op.heads() + head) * dV;
    int sequence = batch.sequence(row);
    int position = batch.position(row);
    int first = op.window().first(position);
    int end = batch.end(op.window(), row);
    var query = new QuantizedQuery(layer);
    query.load(attention.q(), ((long) row * op.heads() + head) * layer.dH());
    float M = 0;
    float L = 0;
    for (int begin = first / CHUNK * CHUNK; begin < end; begin += CHUNK) {
      int from = Math.max(first - begin, 0);
      int to = Math.min(CHUNK, end - begin);
      for (int t = from; t < to; t++) {
        long page = layer.keyPage(batch, sequence, kvHead, begin + t);
        float score = capped(op, query.dot(page, begin + t) * op.scale());
        s[t] = biased(op.bias(), head, begin + t - position, score);
      }
      float chunkM = max(from, to);
      float chunkL = exponentials(from, to, chunkM);
      boolean isFirst = begin <= first;
      float newM = isFirst ? chunkM : Math.max(M, chunkM);
      float a = ScalarMath.exp(M - newM);
      float b = ScalarMath.exp(chunkM - newM);
      for (int i = 0; i < dV; i++) {
        float o = 0;
        for (int t = from; t < to; t++) {
          long page = layer.valuePage(batch, sequence, kvHead, begin + t);
          o = Math.fma(s[t], layer.value(page, begin + t, i), o);
        }
        Elements.set(z, at + i, isFirst ? o : Math.fma(o, b, Elements.get(z, at + i) * a));
      }
      L = isFirst ? chunkL : Math.fma(chunkL, b, L * a);
      M = newM;
    }
    float factor = factor(op, head, M, L);
    for (int i = 0; i < dV; i++) {
      Elements.set(z, at + i, Elements.get(z, at + i) * factor);
    }
    layer.rotateBack(z, at);
  }

  /** Returns a score with the soft cap applied. */
  public static float capped(SequenceOp.Attention op, float s) {
    return op.cap() > 0 ? op.cap() * ScalarMath.tanh(s * (1 / op.cap())) : s;
  }

  /**
   * Returns a score with the bias of a head.
   *
   * @param distance leads from the query's position to the key's
   */
  public static float biased(@Nullable PositionBias bias, int head, int distance, float score) {
    return switch (bias) {
      case null -> score;
      case PositionBias.Linear(Weights slopes) ->
          Math.fma(Elements.get(slopes.data(), head), -Math.abs(distance), score);
      case PositionBias.Table table ->
          score + Elements.get(table.biases().data(), table.index(head, distance));
    };
  }

  /** Returns the final factor on the weighted values of all positions. */
  public static float factor(SequenceOp.Attention op, int head, float M, float L) {
    if (op.sinks() == null) {
      return 1 / L;
    }
    float sink = Elements.get(op.sinks().data(), head);
    float greater = Math.max(M, sink);
    float a = ScalarMath.exp(M - greater);
    return a / Math.fma(L, a, ScalarMath.exp(sink - greater));
  }

  private float max(int from, int to) {
    float max = Float.NEGATIVE_INFINITY;
    for (int t = from; t < to; t++) {
      max = Math.max(max, s[t]);
    }
    return max;
  }

  /** Replaces scores by their exponentials e[t] and returns the sum. */
  private float exponentials(int from, int to, float max) {
    sum.clear();
    for (int t = from; t < to; t++) {
      s[t] = ScalarMath.exp(s[t] - max);
      sum.add(t, s[t]);
    }
    return sum.merge();
  }
}
