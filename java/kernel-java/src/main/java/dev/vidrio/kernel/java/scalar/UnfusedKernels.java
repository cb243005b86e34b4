package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.KvLayer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.UnfusedOp;
import dev.vidrio.kernel.op.Window;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The unfused operations of docs/numerics.md, which both Java executors share, since they only run
 * where a hook point is captured or edited. Each computes a range [begin, end) of its outputs.
 */
public final class UnfusedKernels {
  private UnfusedKernels() {}

  /** Computes heads of all tokens; head h of token i has index i · heads + h. */
  public static void scores(
      UnfusedOp.Scores op,
      KvLayer layer,
      Batch batch,
      MemorySegment q,
      MemorySegment y,
      int begin,
      int end) {
    var query = new QuantizedQuery(layer);
    var scores = new float[op.positions()];
    for (int i = begin; i < end; i++) {
      int row = i / op.heads();
      int head = i % op.heads();
      query.load(q, (long) i * layer.dH());
      int position = batch.position(row);
      int to = batch.end(op.window(), row);
      Arrays.fill(scores, Float.NEGATIVE_INFINITY);
      for (int t = op.window().first(position); t < to; t++) {
        long page = layer.keyPage(batch, batch.sequence(row), kvHead(layer, head, op.heads()), t);
        float s = query.dot(page, t) * op.scale();
        s = op.cap() > 0 ? op.cap() * ScalarMath.tanh(s * (1 / op.cap())) : s;
        scores[t] = ScalarAttention.biased(op.bias(), head, t - position, s);
      }
      Elements.copy(scores, y, (long) i * op.positions(), op.positions());
    }
  }

  private static int kvHead(KvLayer layer, int head, int heads) {
    return head / (heads / layer.heads());
  }

  /** Computes heads of all tokens, indexed as in scores. */
  public static void softmax(
      UnfusedOp.Softmax op, Batch batch, MemorySegment x, MemorySegment y, int begin, int end) {
    int positions = op.positions();
    var sum = new LaneSum();
    for (int i = begin; i < end; i++) {
      long at = (long) i * positions;
      int position = batch.position(i / op.heads());
      int first = op.window().first(position);
      int to = batch.end(op.window(), i / op.heads());
      float sink =
          op.sinks() == null
              ? Float.NEGATIVE_INFINITY
              : Elements.get(op.sinks().data(), i % op.heads());
      float M = sink;
      for (int t = first; t < to; t++) {
        float s = Elements.get(x, at + t);
        M = s > M ? s : M;
      }
      var e = new float[positions];
      sum.clear();
      for (int t = first; t < to; t++) {
        e[t] = ScalarMath.exp(Elements.get(x, at + t) - M);
        sum.add(t, e[t]);
      }
      float L = sum.merge();
      float factor = 1 / (op.sinks() == null ? L : L + ScalarMath.exp(sink - M));
      for (int t = first; t < to; t++) {
        e[t] *= factor;
      }
      Elements.copy(e, y, at, positions);
    }
  }

  /** Computes heads of all tokens, indexed as in scores. */
  public static void weightedValues(
      UnfusedOp.WeightedValues op, KvLayer layer, Batch batch, Operands data, int begin, int end) {
    int width = layer.dV();
    for (int i = begin; i < end; i++) {
      int row = i / op.heads();
      int to = batch.end(op.window().bidirectional() ? Window.BIDIRECTIONAL : Window.ALL, row);
      if (data.isSoftmax((long) i * op.positions(), to)) {
        Elements.copy(data.attention, (long) i * width, data.z, (long) i * width, width);
        continue;
      }
      int head = kvHead(layer, i % op.heads(), op.heads());
      var sums = new float[width];
      for (int t = 0; t < to; t++) {
        long page = layer.valuePage(batch, batch.sequence(row), head, t);
        float weight = Elements.get(data.pattern, (long) i * op.positions() + t);
        for (int j = 0; j < width; j++) {
          sums[j] = Math.fma(weight, layer.value(page, t, j), sums[j]);
        }
      }
      Elements.copy(sums, data.z, (long) i * width, width);
      layer.rotateBack(data.z, (long) i * width);
    }
  }

  /** The memory of the operands of {@link #weightedValues}. */
  public record Operands(
      MemorySegment pattern, MemorySegment softmax, MemorySegment attention, MemorySegment z) {
    /** Returns whether elements of the pattern equal those of the softmax. */
    boolean isSoftmax(long at, int count) {
      long begin = at * Float.BYTES;
      long end = (at + count) * Float.BYTES;
      return MemorySegment.mismatch(pattern, begin, end, softmax, begin, end) < 0;
    }
  }

  /** Computes heads of all rows. */
  public static void normalize(
      UnfusedOp.Normalize op,
      MemorySegment x,
      MemorySegment divisors,
      MemorySegment y,
      int begin,
      int end) {
    int d = op.x().width() / op.heads();
    var sum = new LaneSum();
    for (int head = begin; head < end; head++) {
      long at = (long) head * d;
      float center = op.kind() == Op.NormKind.LAYER ? ScalarKernels.mean(x, at, d, sum) : 0;
      float inverse = 1 / Elements.get(divisors, head);
      for (int i = 0; i < d; i++) {
        Elements.set(y, at + i, (Elements.get(x, at + i) - center) * inverse);
      }
    }
  }

  /** Computes elements of all rows. */
  public static void gain(
      UnfusedOp.Gain op, MemorySegment x, MemorySegment y, long begin, long end) {
    int d = op.gain().k();
    for (long i = begin; i < end; i++) {
      int k = (int) (i % d);
      Elements.set(y, i, ScalarKernels.affine(op.gain(), op.bias(), Elements.get(x, i), k));
    }
  }
}
