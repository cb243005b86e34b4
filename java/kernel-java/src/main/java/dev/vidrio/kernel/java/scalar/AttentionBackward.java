package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.KvLayer;
import dev.vidrio.kernel.java.runtime.Attention;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.SequenceOp;
import java.lang.foreign.MemorySegment;

/**
 * The backward operation of attention, as defined by docs/numerics.md, one query or one key at a
 * time.
 */
public final class AttentionBackward {
  private static final int STATISTICS = BackwardOp.Query.STATISTICS;

  private final SequenceOp.Attention op;
  private final KvLayer layer;
  private final MemorySegment q;
  private final MemorySegment dz;
  private final MemorySegment statistics;
  private final int group;

  public AttentionBackward(Attention attention, MemorySegment statistics) {
    this.op = attention.op();
    this.layer = attention.layer();
    this.q = attention.q();
    this.dz = attention.z();
    this.statistics = statistics;
    this.group = attention.group();
  }

  /** The score of a query and a position, and its derivatives. */
  private record Pair(float score, float rate, float probabilityGradient) {}

  /** The softmax of a query: {@code P = exp(score − maximum) · inverse}. */
  private record Softmax(float maximum, float inverse, float mean) {
    float probability(Pair pair) {
      return ScalarMath.exp(pair.score - maximum) * inverse;
    }
  }

  private long query(int row, int head) {
    return ((long) row * op.heads() + head) * layer.dH();
  }

  private long result(int row, int head) {
    return ((long) row * op.heads() + head) * layer.dV();
  }

  private long keyPage(Batch batch, int row, int head, int t) {
    return layer.keyPage(batch, batch.sequence(row), head / group, t);
  }

  private float key(long page, int t, int i) {
    return layer.get(layer.keys(), layer.tile(page, t), layer.keyElement(t, i));
  }

  private Pair pair(Batch batch, int row, int head, int t) {
    long at = query(row, head);
    long page = keyPage(batch, row, head, t);
    float product = 0;
    for (int i = 0; i < layer.dH(); i++) {
      product = Math.fma(Elements.get(q, at + i), key(page, t, i), product);
    }
    at = result(row, head);
    page = layer.valuePage(batch, batch.sequence(row), head / group, t);
    float gradient = 0;
    for (int i = 0; i < layer.dV(); i++) {
      gradient = Math.fma(Elements.get(dz, at + i), layer.value(page, t, i), gradient);
    }
    float score = op.scale() * product;
    float rate = 1;
    if (op.cap() > 0) {
      float r = ScalarMath.tanh(score * (1 / op.cap()));
      score = op.cap() * r;
      rate = Math.fma(-r, r, 1);
    }
    score = ScalarAttention.biased(op.bias(), head, t - batch.position(row), score);
    return new Pair(score, rate, gradient);
  }

  /** Returns the gradient with respect to q · k. */
  private float gradient(Pair pair, Softmax softmax) {
    float g = softmax.probability(pair) * (pair.probabilityGradient - softmax.mean);
    g = op.cap() > 0 ? g * pair.rate : g;
    return g * op.scale();
  }

  /** Computes dq and the statistics of a row. */
  public void queries(Batch batch, int row, MemorySegment dq) {
    int first = op.window().first(batch.position(row));
    int end = batch.position(row) + 1;
    for (int head = 0; head < op.heads(); head++) {
      var pairs = new Pair[end - first];
      for (int t = first; t < end; t++) {
        pairs[t - first] = pair(batch, row, head, t);
      }
      Softmax softmax = softmax(pairs, first, head);
      for (int i = 0; i < layer.dH(); i++) {
        var sum = new LaneSum();
        for (int t = first; t < end; t++) {
          float k = key(keyPage(batch, row, head, t), t, i);
          sum.fma(t, gradient(pairs[t - first], softmax), k);
        }
        Elements.set(dq, query(row, head) + i, sum.merge());
      }
      long at = ((long) row * op.heads() + head) * STATISTICS;
      Elements.set(statistics, at, softmax.maximum);
      Elements.set(statistics, at + 1, softmax.inverse);
      Elements.set(statistics, at + 2, softmax.mean);
    }
  }

  private Softmax softmax(Pair[] pairs, int first, int head) {
    float sink =
        op.sinks() == null ? Float.NEGATIVE_INFINITY : Elements.get(op.sinks().data(), head);
    float maximum = sink;
    for (Pair pair : pairs) {
      maximum = Math.max(maximum, pair.score);
    }
    var sum = new LaneSum();
    for (int j = 0; j < pairs.length; j++) {
      sum.add(first + j, ScalarMath.exp(pairs[j].score - maximum));
    }
    float total = sum.merge();
    total = op.sinks() == null ? total : total + ScalarMath.exp(sink - maximum);
    var unweighted = new Softmax(maximum, 1 / total, 0);
    var mean = new LaneSum();
    for (int j = 0; j < pairs.length; j++) {
      mean.fma(first + j, unweighted.probability(pairs[j]), pairs[j].probabilityGradient);
    }
    return new Softmax(maximum + 0f, 1 / total, mean.merge());
  }

  private Softmax softmax(int row, int head) {
    long at = ((long) row * op.heads() + head) * STATISTICS;
    return new Softmax(
        Elements.get(statistics, at),
        Elements.get(statistics, at + 1),
        Elements.get(statistics, at + 2));
  }

  /** Computes dk and dv of a row from the queries of the adjacent rows of its sequence. */
  public void keyAndValue(Batch batch, int row, MemorySegment dk, MemorySegment dv) {
    for (int kvHead = 0; kvHead < layer.heads(); kvHead++) {
      var keys = new float[layer.dH()];
      var values = new float[layer.dV()];
      for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
        for (int later = row;
            later < batch.tokenCount() && batch.sequence(later) == batch.sequence(row);
            later++) {
          if (batch.position(row) >= op.window().first(batch.position(later))) {
            add(batch, later, head, batch.position(row), keys, values);
          }
        }
      }
      long at = (long) row * layer.heads() + kvHead;
      BackwardKernels.copySums(keys, dk, at * layer.dH());
      BackwardKernels.copySums(values, dv, at * layer.dV());
    }
  }

  private void add(Batch batch, int row, int head, int t, float[] keys, float[] values) {
    Pair pair = pair(batch, row, head, t);
    Softmax softmax = softmax(row, head);
    float g = gradient(pair, softmax);
    float probability = softmax.probability(pair);
    long at = query(row, head);
    for (int i = 0; i < layer.dH(); i++) {
      keys[i] = Math.fma(g, Elements.get(q, at + i), keys[i]);
    }
    at = result(row, head);
    for (int i = 0; i < layer.dV(); i++) {
      values[i] = Math.fma(probability, Elements.get(dz, at + i), values[i]);
    }
  }
}
