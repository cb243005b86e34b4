package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.PackedRow;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.BackwardOp.Slope;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The backward operations of docs/numerics.md except those of attention, experts and recurrences.
 */
public final class BackwardKernels {
  private BackwardKernels() {}

  /** Computes rows [begin, end) of y. */
  public static void scatter(
      Batch batch, MemorySegment x, MemorySegment y, int width, int begin, int end) {
    long bytes = (long) width * Float.BYTES;
    y.asSlice(begin * bytes, (end - begin) * bytes).fill((byte) 0);
    for (int i = 0; i < batch.logitCount(); i++) {
      int row = batch.logitRow(i);
      if (row >= begin && row < end) {
        for (int k = 0; k < width; k++) {
          long at = (long) row * width + k;
          Elements.set(y, at, Elements.get(y, at) + Elements.get(x, (long) i * width + k));
        }
      }
    }
  }

  /** Computes the gradient of a head; heads are counted over all rows. */
  public static void norm(
      BackwardOp.Norm op, MemorySegment x, MemorySegment dy, MemorySegment dx, int head) {
    Op.Norm norm = op.forward();
    boolean layer = norm.kind() == Op.NormKind.LAYER;
    int d = norm.d();
    long at = (long) head * d;
    var sums = new LaneSum();
    float center = layer ? ScalarKernels.mean(x, at, d, sums) : 0;
    float meanSquare = ScalarKernels.meanSquare(x, at, d, center, sums);
    float inverse = 1 / (float) Math.sqrt(meanSquare + norm.epsilon());
    sums.clear();
    var products = new LaneSum();
    for (int i = 0; i < d; i++) {
      float g = scaled(norm, dy, at, head, i);
      sums.add(i, g);
      products.fma(i, g, (Elements.get(x, at + i) - center) * inverse);
    }
    float mean = layer ? sums.merge() / d : 0;
    float along = op.frozen() ? 0 : products.merge() / d;
    for (int i = 0; i < d; i++) {
      float normalized = (Elements.get(x, at + i) - center) * inverse;
      float g = scaled(norm, dy, at, head, i) - mean;
      Elements.set(dx, at + i, Math.fma(-along, normalized, g) * inverse);
    }
  }

  private static float scaled(Op.Norm norm, MemorySegment dy, long at, int head, int i) {
    float g = Elements.get(dy, at + i);
    return norm.gain() == null
        ? g
        : g * Elements.get(norm.gain().data(), norm.affineOffset(head) + i);
  }

  /** Computes elements [begin, end). */
  public static void activation(
      BackwardOp.Activation op,
      MemorySegment x,
      @Nullable MemorySegment up,
      MemorySegment dy,
      MemorySegment dx,
      long begin,
      long end) {
    for (long i = begin; i < end; i++) {
      ScalarActivation.Slopes slopes =
          ScalarActivation.slopes(op.forward().kind(), Elements.get(x, i));
      float g = Elements.get(dy, i);
      g = up == null ? g : Elements.get(up, i) * g;
      Elements.set(dx, i, (op.slope() == Slope.SECANT ? slopes.secant() : slopes.derivative()) * g);
    }
  }

  /** Computes a row of dx; rows of a sequence are adjacent. */
  public static void conv(
      SequenceOp.Conv op, Batch batch, MemorySegment dy, MemorySegment dx, int row) {
    var acc = new float[op.y().width()];
    for (int i = row; i < batch.tokenCount(); i++) {
      int distance = batch.position(i) - batch.position(row);
      if (batch.sequence(i) != batch.sequence(row) || distance >= op.length()) {
        break;
      }
      long weights = (long) (op.length() - 1 - distance) * acc.length;
      for (int c = 0; c < acc.length; c++) {
        float weight = Elements.get(op.kernel().data(), weights + c);
        acc[c] = Math.fma(weight, Elements.get(dy, (long) i * acc.length + c), acc[c]);
      }
    }
    for (int c = 0; c < acc.length; c++) {
      Elements.set(dx, (long) row * acc.length + c, acc[c]);
    }
  }

  /** Computes row {@code to} of dx from row {@code from} of dy. */
  public static void matMul(Weights w, MemorySegment dy, long from, MemorySegment dx, long to) {
    var acc = new float[w.k()];
    for (int n = 0; n < w.n(); n++) {
      float g = Elements.get(dy, from * w.n() + n);
      if (g != 0) {
        addRow(w, n, g, acc);
      }
    }
    copySums(acc, dx, to * w.k());
  }

  /** Copies sums, with −0 replaced by +0. */
  static void copySums(float[] sums, MemorySegment y, long to) {
    for (int i = 0; i < sums.length; i++) {
      Elements.set(y, to + i, sums[i] + 0f);
    }
  }

  private static void addRow(Weights w, int n, float g, float[] acc) {
    if (!w.type().quantized()) {
      for (int k = 0; k < w.k(); k++) {
        float weight = Elements.get(w.type(), w.data(), (long) n * w.k() + k);
        acc[k] = Math.fma(g, weight, acc[k]);
      }
      return;
    }
    var row = new PackedRow(w, n);
    for (int k = 0; k < w.k(); k += w.type().subBlock()) {
      float scale = row.scale(k);
      float minimum = w.type().hasMinima() ? row.minimum(k) : 0;
      for (int i = k; i < k + w.type().subBlock(); i++) {
        float weight =
            w.type().hasMinima()
                ? Math.fma(row.integer(i), scale, minimum)
                : row.integer(i) * scale;
        acc[i] = Math.fma(g, weight, acc[i]);
      }
    }
  }
}
