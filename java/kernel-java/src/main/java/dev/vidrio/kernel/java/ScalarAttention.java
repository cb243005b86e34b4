package dev.vidrio.kernel.java;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import java.lang.foreign.MemorySegment;

/** attention of docs/numerics.md, one query at a time. */
final class ScalarAttention {
  /** Positions of a chunk. */
  static final int CHUNK = 256;

  private final LaneSum sum = new LaneSum();
  private final float[] s = new float[CHUNK];

  /**
   * Attention of one query.
   *
   * @param row the query's token
   * @param head its key-value head
   * @param at index of its first element in q and z
   */
  void attend(
      KvLayer layer,
      Batch batch,
      int row,
      int head,
      float scale,
      MemorySegment q,
      MemorySegment z,
      long at) {
    int sequence = batch.sequence(row);
    int count = batch.position(row) + 1;
    float M = 0;
    float L = 0;
    for (int begin = 0; begin < count; begin += CHUNK) {
      int n = Math.min(CHUNK, count - begin);
      for (int t = 0; t < n; t++) {
        long key = layer.key(batch, sequence, head, begin + t);
        s[t] = dot(q, at, layer.keys(), key, layer.dH()) * scale;
      }
      float chunkM = max(n);
      float chunkL = exponentials(n, chunkM);
      boolean first = begin == 0;
      float newM = first ? chunkM : Math.max(M, chunkM);
      float a = ScalarMath.exp(M - newM);
      float b = ScalarMath.exp(chunkM - newM);
      for (int i = 0; i < layer.dH(); i++) {
        float o = weighted(layer, batch, sequence, head, begin, n, i);
        Elements.set(z, at + i, first ? o : Math.fma(o, b, Elements.get(z, at + i) * a));
      }
      L = first ? chunkL : Math.fma(chunkL, b, L * a);
      M = newM;
    }
    for (int i = 0; i < layer.dH(); i++) {
      Elements.set(z, at + i, Elements.get(z, at + i) * (1 / L));
    }
  }

  private static float dot(MemorySegment q, long at, MemorySegment keys, long key, int dH) {
    float dot = 0;
    for (int i = 0; i < dH; i++) {
      float k = Elements.get(keys, key + (long) i * KvCache.LANES);
      dot = Math.fma(Elements.get(q, at + i), k, dot);
    }
    return dot;
  }

  private float max(int n) {
    float max = Float.NEGATIVE_INFINITY;
    for (int t = 0; t < n; t++) {
      max = Math.max(max, s[t]);
    }
    return max;
  }

  /** Replaces scores by e[t] and returns their sum. */
  private float exponentials(int n, float max) {
    sum.clear();
    for (int t = 0; t < n; t++) {
      s[t] = ScalarMath.exp(s[t] - max);
      sum.add(t, s[t]);
    }
    return sum.merge();
  }

  private float weighted(
      KvLayer layer, Batch batch, int sequence, int head, int begin, int n, int i) {
    float o = 0;
    for (int t = 0; t < n; t++) {
      long value = layer.value(batch, sequence, head, begin + t);
      o = Math.fma(s[t], Elements.get(layer.values(), value + i), o);
    }
    return o;
  }
}
