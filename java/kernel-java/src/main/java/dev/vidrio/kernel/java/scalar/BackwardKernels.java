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

/** The operations backward of docs/numerics.md but for those of attention. */
public final class BackwardKernels {
  private static final float GELU_3_CUBIC = 0.134145f;

  /** 1 / √(2π). */
  private static final float NORMAL_DENSITY = 0.3989423f;

  private BackwardKernels() {}

  /** Rows of y. */
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

  /** A head, counted over all rows. */
  public static void norm(
      BackwardOp.Norm op, MemorySegment x, MemorySegment dy, MemorySegment dx, int head) {
    Op.Norm norm = op.forward();
    boolean layer = norm.kind() == Op.NormKind.LAYER;
    int d = norm.d();
    long at = (long) head * d;
    var sum = new LaneSum();
    for (int i = 0; i < d; i++) {
      sum.add(i, Elements.get(x, at + i));
    }
    float center = layer ? sum.merge() / d : 0;
    sum.clear();
    for (int i = 0; i < d; i++) {
      float c = Elements.get(x, at + i) - center;
      sum.fma(i, c, c);
    }
    float inverse = 1 / (float) Math.sqrt(sum.merge() / d + norm.epsilon());
    var sums = new LaneSum();
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

  /** Elements. */
  public static void activation(
      BackwardOp.Activation op,
      MemorySegment x,
      @Nullable MemorySegment up,
      MemorySegment dy,
      MemorySegment dx,
      long begin,
      long end) {
    for (long i = begin; i < end; i++) {
      Gate gate = gate(op.forward().kind(), Elements.get(x, i));
      float g = Elements.get(dy, i);
      g = up == null ? g : Elements.get(up, i) * g;
      Elements.set(dx, i, (op.slope() == Slope.SECANT ? gate.secant : gate.derivative) * g);
    }
  }

  /** (f(x) − f(0)) / x and f'(x). */
  private record Gate(float secant, float derivative) {}

  private static Gate gate(Op.ActivationKind kind, float x) {
    return switch (kind) {
      case SILU -> {
        float s = ScalarMath.sigmoid(x);
        yield new Gate(s, s * Math.fma(x, 1 - s, 1));
      }
      case GELU_TANH -> {
        float cubic = Math.fma(ScalarMath.GELU_CUBIC * x, x, 1);
        float s = 1 / (1 + ScalarMath.exp(ScalarMath.GELU_OUTER * (x * cubic)));
        float inner = -ScalarMath.GELU_OUTER * Math.fma(GELU_3_CUBIC * x, x, 1);
        yield new Gate(s, Math.fma(x * s, (1 - s) * inner, s));
      }
      case RELU -> new Gate(step(x), step(x));
      case GELU -> {
        ScalarMath.NormalTail tail = ScalarMath.NormalTail.of(x);
        float s = Math.abs(step(x) - tail.share());
        yield new Gate(s, Math.fma(x, tail.e() * NORMAL_DENSITY, s));
      }
      case TANH -> {
        float y = ScalarMath.tanh(x);
        yield new Gate(secant(y, x), Math.fma(-y, y, 1));
      }
      case SQUARED_RELU -> {
        float r = x > 0 ? x : 0;
        yield new Gate(r, r + r);
      }
      case ELU -> new Gate(secant(ScalarMath.activate(kind, x), x), ScalarMath.exp(Math.min(x, 0)));
      case HARD_TANH ->
          new Gate(secant(ScalarMath.activate(kind, x), x), 1 - step(Math.abs(x) - 1));
      case CLAMPED_SWISH -> {
        float c = x > ScalarMath.SWISH_LIMIT ? ScalarMath.SWISH_LIMIT : x;
        float s = 1 / (1 + ScalarMath.exp(-ScalarMath.SWISH_SLOPE * c));
        float bent = Math.fma(ScalarMath.SWISH_SLOPE * c, 1 - s, 1);
        yield new Gate(s * kept(x), s * bent * inside(x));
      }
      case IDENTITY -> new Gate(1, 1);
      case SIGMOID -> { // tanh(x/2) / 2 is what lies above 1/2
        float half = 0.5f * x;
        float p = ScalarMath.sigmoid(x);
        yield new Gate(0.25f * secant(ScalarMath.tanh(half), half), p * (1 - p));
      }
      case SOFTPLUS -> {
        float s = 0.5f * secant(ScalarMath.centeredSoftplus(x), 0.5f * x);
        yield new Gate(s, ScalarMath.sigmoid(x));
      }
      case CLAMPED_LINEAR -> new Gate(kept(Math.abs(x)), inside(Math.abs(x)));
    };
  }

  /** y / x, where both may be 0. */
  private static float secant(float y, float x) {
    return Math.max(Math.abs(y), Float.MIN_NORMAL) / Math.max(Math.abs(x), Float.MIN_NORMAL);
  }

  /** 1 up to the limit, beyond it the share of x that the limit leaves. */
  private static float kept(float x) {
    return ScalarMath.SWISH_LIMIT / (x > ScalarMath.SWISH_LIMIT ? x : ScalarMath.SWISH_LIMIT);
  }

  /** 1 up to the limit, else 0. */
  private static float inside(float x) {
    return x > ScalarMath.SWISH_LIMIT ? 0 : 1;
  }

  private static float step(float x) {
    return x > 0 ? 1 : 0;
  }

  /** A row of dx; rows of a sequence lie adjacent. */
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

  /** Row {@code to} of dx out of row {@code from} of dy. */
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

  /** Copies sums, those that are zero as +0. */
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
