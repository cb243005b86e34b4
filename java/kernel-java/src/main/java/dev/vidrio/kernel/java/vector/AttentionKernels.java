package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.INTS;
import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.KvLayer;
import dev.vidrio.kernel.java.scalar.LaneSum;
import dev.vidrio.kernel.java.scalar.QuantizedQuery;
import dev.vidrio.kernel.java.scalar.ScalarAttention;
import dev.vidrio.kernel.op.PositionBias;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * The inner loops of attention over a chunk, for a tile of {@value #QUERIES} queries. A tile of
 * fewer queries repeats its last one; a single query has separate loops.
 */
final class AttentionKernels {
  /** Queries of a tile. */
  static final int QUERIES = 4;

  private static final int CHUNK = ScalarAttention.CHUNK;
  private static final int LANES = KvCache.LANES;
  private static final int SCALED = KvLayer.SCALED;

  private int dH;
  private int dV;
  private float scale;
  private boolean single;
  // [d_h][query]
  private float[] q = {};
  // [query][block of 32], for quantized keys
  private float[] scales = {};
  // [query][position]: scores, then their exponentials
  private final float[] scores = new float[QUERIES * CHUNK];
  // [query][d_v]
  private float[] sums = {};
  private final float[] lanes = new float[LaneSum.LANES];
  private final float[] max = new float[QUERIES];
  private final float[] sum = new float[QUERIES];

  void prepare(int dH, int dV, float scale) {
    this.dH = dH;
    this.dV = dV;
    this.scale = scale;
    if (q.length < QUERIES * dH) {
      q = new float[QUERIES * dH];
      scales = new float[QUERIES * (dH / SCALED)];
    }
    if (sums.length < QUERIES * dV) {
      sums = new float[QUERIES * dV];
    }
  }

  /** Loads query j of {@code queries}, and repeats it in the following places of the tile. */
  void loadQuery(int j, QuantizedQuery query, int queries) {
    single = queries == 1;
    float[] elements = query.elements();
    for (int k = j; k < QUERIES; k++) {
      for (int i = 0; i < dH; i++) {
        q[i * QUERIES + k] = elements[i];
      }
      System.arraycopy(query.scales(), 0, scales, k * (dH / SCALED), dH / SCALED);
    }
  }

  /**
   * Computes scores like {@link #score}, of query j with quantized keys. The sum of products of a
   * block is an integer below 2²⁴, which floats represent exactly.
   *
   * @param first what products are added to
   */
  void scoreQuantized(
      int j,
      float first,
      MemorySegment keys,
      long block,
      MemorySegment keyScales,
      int t,
      int count) {
    int blocks = dH / SCALED;
    for (int p = 0; p < count; p += LENGTH) {
      FloatVector acc = FloatVector.broadcast(FLOATS, first);
      long k = block + keyOffset(p);
      long s = (long) (p / LANES) * blocks * LANES + p % LANES;
      for (int b = 0; b < blocks; b++) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = b * SCALED; i < (b + 1) * SCALED; i++) {
          FloatVector query = FloatVector.broadcast(FLOATS, q[i * QUERIES + j]);
          sum = query.fma(Vectors.load(keys, k + (long) i * LANES), sum);
        }
        FloatVector scale = Vectors.load(keyScales, s + (long) b * LANES);
        acc = sum.fma(scale.mul(scales[j * blocks + b]), acc);
      }
      acc.mul(scale).intoArray(scores, j * CHUNK + t + p);
    }
  }

  /** Applies the soft cap to scores [from, to) of query j. */
  void cap(SequenceOp.Attention op, int j, int from, int to) {
    for (int t = j * CHUNK + from; t < j * CHUNK + to; t++) {
      scores[t] = ScalarAttention.capped(op, scores[t]);
    }
  }

  /**
   * Adds the bias of a head to scores [from, to) of query j.
   *
   * @param distance leads from the query's position to the first one of the chunk
   */
  void addBias(@Nullable PositionBias bias, int j, int head, int distance, int from, int to) {
    switch (bias) {
      case null -> {}
      case PositionBias.Linear(Weights slopes) ->
          addDistances(j, Elements.get(slopes.data(), head), distance, from, to);
      case PositionBias.Table table -> {
        MemorySegment biases = table.biases().data();
        for (int t = from; t < to; t++) {
          scores[j * CHUNK + t] += Elements.get(biases, table.index(head, distance + t));
        }
      }
    }
  }

  /**
   * Subtracts from scores [from, to) of query j, and from the rest of their vectors, the slope
   * times the distance from the query, which {@code distance} leads to the first one of the chunk.
   */
  private void addDistances(int j, float slope, int distance, int from, int to) {
    FloatVector slopes = FloatVector.broadcast(FLOATS, slope);
    for (int t = from / LENGTH * LENGTH; t < to; t += LENGTH) {
      IntVector distances = IntVector.broadcast(INTS, distance + t).addIndex(1).abs().neg();
      FloatVector d = Vectors.toFloats(distances);
      FloatVector s = FloatVector.fromArray(FLOATS, scores, j * CHUNK + t);
      slopes.fma(d, s).intoArray(scores, j * CHUNK + t);
    }
  }

  /**
   * Computes the scores of the first {@code count} positions of a block, which begin at position
   * {@code t} of the chunk. It may also compute scores up to the end of the last vector; the block
   * has keys there.
   *
   * @param block index of the block's first key element
   */
  void score(MemorySegment keys, long block, int t, int count) {
    for (int p = 0; p < count; p += 2 * LENGTH) {
      long k0 = block + keyOffset(p);
      long k1 = block + keyOffset(p + LENGTH);
      if (single) {
        scoreSingle(keys, k0, k1, t + p);
      } else {
        scoreTile(keys, k0, k1, t + p);
      }
    }
  }

  private long keyOffset(int position) {
    return (long) (position / LANES) * dH * LANES + position % LANES;
  }

  private void scoreTile(MemorySegment keys, long k0, long k1, int t) {
    float[] q = this.q;
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector a1 = FloatVector.zero(FLOATS);
    FloatVector a2 = FloatVector.zero(FLOATS);
    FloatVector a3 = FloatVector.zero(FLOATS);
    FloatVector b0 = FloatVector.zero(FLOATS);
    FloatVector b1 = FloatVector.zero(FLOATS);
    FloatVector b2 = FloatVector.zero(FLOATS);
    FloatVector b3 = FloatVector.zero(FLOATS);
    for (int i = 0; i < dH; i++) {
      FloatVector a = Vectors.load(keys, k0 + (long) i * LANES);
      FloatVector b = Vectors.load(keys, k1 + (long) i * LANES);
      FloatVector query = FloatVector.broadcast(FLOATS, q[i * QUERIES]);
      a0 = query.fma(a, a0);
      b0 = query.fma(b, b0);
      query = FloatVector.broadcast(FLOATS, q[i * QUERIES + 1]);
      a1 = query.fma(a, a1);
      b1 = query.fma(b, b1);
      query = FloatVector.broadcast(FLOATS, q[i * QUERIES + 2]);
      a2 = query.fma(a, a2);
      b2 = query.fma(b, b2);
      query = FloatVector.broadcast(FLOATS, q[i * QUERIES + 3]);
      a3 = query.fma(a, a3);
      b3 = query.fma(b, b3);
    }
    a0.mul(scale).intoArray(scores, t);
    b0.mul(scale).intoArray(scores, t + LENGTH);
    a1.mul(scale).intoArray(scores, CHUNK + t);
    b1.mul(scale).intoArray(scores, CHUNK + t + LENGTH);
    a2.mul(scale).intoArray(scores, 2 * CHUNK + t);
    b2.mul(scale).intoArray(scores, 2 * CHUNK + t + LENGTH);
    a3.mul(scale).intoArray(scores, 3 * CHUNK + t);
    b3.mul(scale).intoArray(scores, 3 * CHUNK + t + LENGTH);
  }

  private void scoreSingle(MemorySegment keys, long k0, long k1, int t) {
    float[] q = this.q;
    FloatVector a = FloatVector.zero(FLOATS);
    FloatVector b = FloatVector.zero(FLOATS);
    for (int i = 0; i < dH; i++) {
      FloatVector query = FloatVector.broadcast(FLOATS, q[i * QUERIES]);
      a = query.fma(Vectors.load(keys, k0 + (long) i * LANES), a);
      b = query.fma(Vectors.load(keys, k1 + (long) i * LANES), b);
    }
    a.mul(scale).intoArray(scores, t);
    b.mul(scale).intoArray(scores, t + LENGTH);
  }

  /** Replaces scores [from, to) of query j by e[t], and computes their maximum and sum. */
  void exponentials(int j, int from, int to) {
    int begin = j * CHUNK + from / LANES * LANES;
    // Lanes outside of the scores contribute exp(−∞) = 0.
    int end = j * CHUNK + Math.ceilDiv(to, LANES) * LANES;
    Arrays.fill(scores, begin, j * CHUNK + from, Float.NEGATIVE_INFINITY);
    Arrays.fill(scores, j * CHUNK + to, end, Float.NEGATIVE_INFINITY);
    max[j] = largest(begin, end);
    VectorMath.exp(scores, begin, end, max[j]);
    for (int lane = 0; lane < LANES; lane += LENGTH) {
      addExponentials(begin + lane, end, lane);
    }
    sum[j] = VectorLanes.merge(lanes, 0);
  }

  private float largest(int begin, int end) {
    FloatVector largest = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    for (int t = begin; t < end; t += LENGTH) {
      FloatVector s = FloatVector.fromArray(FLOATS, scores, t);
      largest = largest.blend(s, s.compare(VectorOperators.GT, largest));
    }
    return largest.reduceLanes(VectorOperators.MAX);
  }

  private void addExponentials(int begin, int end, int lane) {
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int t = begin; t < end; t += LANES) {
      sum = sum.add(FloatVector.fromArray(FLOATS, scores, t));
    }
    sum.intoArray(lanes, lane);
  }

  void clearSums() {
    Arrays.fill(sums, 0, QUERIES * dV, 0);
  }

  /**
   * Adds the values of {@code count} adjacent positions, weighted by e[t] and following, to the
   * sums of all queries.
   *
   * @param first index of the first value element
   */
  void weigh(MemorySegment values, long first, int t, int count) {
    for (int i = 0; i < vectorEnd(); i += 2 * LENGTH) {
      weighTile(values, first, t, count, vector(i, 0), vector(i, 1));
    }
    for (int j = 0; j < QUERIES; j++) {
      weighTail(j, values, first, t, count);
    }
  }

  /** Adds weighted values to the sums of query j only. */
  void weighSingle(int j, MemorySegment values, long first, int t, int count) {
    for (int i = 0; i < vectorEnd(); i += 4 * LENGTH) {
      weighRow(j, values, first, t, count, i);
    }
    weighTail(j, values, first, t, count);
  }

  /** Returns the elements of a value that fill whole vectors. */
  private int vectorEnd() {
    return dV / LENGTH * LENGTH;
  }

  /** Returns the index of the n-th vector after i; beyond the end, that of the last vector. */
  private int vector(int i, int n) {
    return Math.min(i + n * LENGTH, vectorEnd() - LENGTH);
  }

  private void weighTile(MemorySegment values, long first, int t, int count, int i0, int i1) {
    float[] scores = this.scores;
    FloatVector a0 = FloatVector.fromArray(FLOATS, sums, i0);
    FloatVector b0 = FloatVector.fromArray(FLOATS, sums, i1);
    FloatVector a1 = FloatVector.fromArray(FLOATS, sums, dV + i0);
    FloatVector b1 = FloatVector.fromArray(FLOATS, sums, dV + i1);
    FloatVector a2 = FloatVector.fromArray(FLOATS, sums, 2 * dV + i0);
    FloatVector b2 = FloatVector.fromArray(FLOATS, sums, 2 * dV + i1);
    FloatVector a3 = FloatVector.fromArray(FLOATS, sums, 3 * dV + i0);
    FloatVector b3 = FloatVector.fromArray(FLOATS, sums, 3 * dV + i1);
    for (int p = 0; p < count; p++) {
      FloatVector a = Vectors.load(values, first + i0 + (long) p * dV);
      FloatVector b = Vectors.load(values, first + i1 + (long) p * dV);
      FloatVector e = FloatVector.broadcast(FLOATS, scores[t + p]);
      a0 = e.fma(a, a0);
      b0 = e.fma(b, b0);
      e = FloatVector.broadcast(FLOATS, scores[CHUNK + t + p]);
      a1 = e.fma(a, a1);
      b1 = e.fma(b, b1);
      e = FloatVector.broadcast(FLOATS, scores[2 * CHUNK + t + p]);
      a2 = e.fma(a, a2);
      b2 = e.fma(b, b2);
      e = FloatVector.broadcast(FLOATS, scores[3 * CHUNK + t + p]);
      a3 = e.fma(a, a3);
      b3 = e.fma(b, b3);
    }
    a0.intoArray(sums, i0);
    b0.intoArray(sums, i1);
    a1.intoArray(sums, dV + i0);
    b1.intoArray(sums, dV + i1);
    a2.intoArray(sums, 2 * dV + i0);
    b2.intoArray(sums, 2 * dV + i1);
    a3.intoArray(sums, 3 * dV + i0);
    b3.intoArray(sums, 3 * dV + i1);
  }

  private void weighRow(int j, MemorySegment values, long first, int t, int count, int i) {
    int i0 = vector(i, 0);
    int i1 = vector(i, 1);
    int i2 = vector(i, 2);
    int i3 = vector(i, 3);
    FloatVector a = FloatVector.fromArray(FLOATS, sums, j * dV + i0);
    FloatVector b = FloatVector.fromArray(FLOATS, sums, j * dV + i1);
    FloatVector c = FloatVector.fromArray(FLOATS, sums, j * dV + i2);
    FloatVector d = FloatVector.fromArray(FLOATS, sums, j * dV + i3);
    for (int p = 0; p < count; p++) {
      long at = first + (long) p * dV;
      FloatVector e = FloatVector.broadcast(FLOATS, scores[j * CHUNK + t + p]);
      a = e.fma(Vectors.load(values, at + i0), a);
      b = e.fma(Vectors.load(values, at + i1), b);
      c = e.fma(Vectors.load(values, at + i2), c);
      d = e.fma(Vectors.load(values, at + i3), d);
    }
    a.intoArray(sums, j * dV + i0);
    b.intoArray(sums, j * dV + i1);
    c.intoArray(sums, j * dV + i2);
    d.intoArray(sums, j * dV + i3);
  }

  private void weighTail(int j, MemorySegment values, long first, int t, int count) {
    for (int i = vectorEnd(); i < dV; i++) {
      float o = sums[j * dV + i];
      for (int p = 0; p < count; p++) {
        o = Math.fma(scores[j * CHUNK + t + p], Elements.get(values, first + (long) p * dV + i), o);
      }
      sums[j * dV + i] = o;
    }
  }

  /** Returns the maximum score of query j in the chunk. */
  float max(int j) {
    return max[j];
  }

  /** Returns the sum of the exponentials of query j. */
  float sum(int j) {
    return sum[j];
  }

  /** Returns the weighted values of the chunk, [query][d_v]. */
  float[] sums() {
    return sums;
  }
}
