package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.scalar.ScalarMath;
import dev.vidrio.kernel.weight.LowRank;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The functions of {@link ScalarMath} with the Vector API. */
final class VectorMath {
  private VectorMath() {}

  /** Replaces values [begin, end), which fill whole vectors, by exp(value − subtrahend). */
  static void exp(float[] values, int begin, int end, float subtrahend) {
    for (int i = begin; i < end; i += LENGTH) {
      FloatVector x = FloatVector.fromArray(FLOATS, values, i).sub(subtrahend);
      x = clamp(x, ScalarMath.EXP_MIN, ScalarMath.EXP_MAX);
      IntVector n = Vectors.round(x.mul(ScalarMath.LOG2_E));
      FloatVector p = exponentialMinusOne(remainder(x, Vectors.toFloats(n))).add(1);
      IntVector half = n.lanewise(VectorOperators.ASHR, 1);
      IntVector rest = n.sub(half);
      p.mul(powerOfTwo(half)).mul(powerOfTwo(rest)).intoArray(values, i);
    }
  }

  /** Computes {@code y[i] = tanh(x[i])} for i in [begin, end), which fill whole vectors. */
  static void tanh(MemorySegment x, MemorySegment y, long begin, long end) {
    for (long i = begin; i < end; i += LENGTH) {
      FloatVector e = exponentialLessOne(Vectors.load(x, i).mul(2));
      Vectors.store(e.div(e.add(2)), y, i);
    }
  }

  /** Returns eˣ − 1, with x clamped to [−20, 20]. */
  static FloatVector exponentialLessOne(FloatVector x) {
    FloatVector z = clamp(x, -20, 20);
    IntVector n = Vectors.round(z.mul(ScalarMath.LOG2_E));
    FloatVector r = remainder(z, Vectors.toFloats(n));
    FloatVector power = powerOfTwo(n);
    return exponentialMinusOne(r).fma(power, power.sub(1));
  }

  /** Returns ln(1 + r) for −1/2 ≤ r ≤ 1. */
  static FloatVector logOnePlus(FloatVector r) {
    FloatVector s = r.div(r.add(2));
    FloatVector z = s.mul(s);
    FloatVector q = FloatVector.broadcast(FLOATS, ScalarMath.LOG_9);
    q = q.fma(z, FloatVector.broadcast(FLOATS, ScalarMath.LOG_7));
    q = q.fma(z, FloatVector.broadcast(FLOATS, ScalarMath.LOG_5));
    q = q.fma(z, FloatVector.broadcast(FLOATS, ScalarMath.LOG_3));
    return s.fma(q.fma(z, r.neg()), r);
  }

  /** Clamps x to [min, max]. */
  static FloatVector clamp(FloatVector x, float min, float max) {
    FloatVector y = x.blend(min, x.compare(VectorOperators.LT, min));
    return y.blend(max, y.compare(VectorOperators.GT, max));
  }

  /** Returns x − m · ln(2). */
  private static FloatVector remainder(FloatVector x, FloatVector m) {
    FloatVector r = m.fma(FloatVector.broadcast(FLOATS, ScalarMath.LN_2_UPPER), x);
    return m.fma(FloatVector.broadcast(FLOATS, ScalarMath.LN_2_LOWER), r);
  }

  /** Returns eʳ − 1 for |r| ≤ ln(2)/2. */
  private static FloatVector exponentialMinusOne(FloatVector r) {
    FloatVector q = FloatVector.broadcast(FLOATS, ScalarMath.C6);
    q = q.fma(r, FloatVector.broadcast(FLOATS, ScalarMath.C5));
    q = q.fma(r, FloatVector.broadcast(FLOATS, ScalarMath.C4));
    q = q.fma(r, FloatVector.broadcast(FLOATS, ScalarMath.C3));
    q = q.fma(r, FloatVector.broadcast(FLOATS, ScalarMath.C2));
    return r.mul(r).fma(q, r);
  }

  /** Returns 2ⁿ for −126 ≤ n ≤ 127. */
  private static FloatVector powerOfTwo(IntVector n) {
    return n.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
  }

  /** Computes {@code y[y0 + i] = a[a0 + i] · b[b0 + i]} for i in [0, count). */
  static void multiply(
      MemorySegment a, long a0, MemorySegment b, long b0, MemorySegment y, long y0, long count) {
    long i = 0;
    for (; i + LENGTH <= count; i += LENGTH) {
      Vectors.store(Vectors.load(a, a0 + i).mul(Vectors.load(b, b0 + i)), y, y0 + i);
    }
    for (; i < count; i++) {
      Elements.set(y, y0 + i, Elements.get(a, a0 + i) * Elements.get(b, b0 + i));
    }
  }

  /** Computes {@code y[y0 + i] = a[a0 + i] + b[b0 + i]} for i in [0, count). */
  static void add(
      MemorySegment a, long a0, MemorySegment b, long b0, MemorySegment y, long y0, long count) {
    long i = 0;
    for (; i + LENGTH <= count; i += LENGTH) {
      Vectors.store(Vectors.load(a, a0 + i).add(Vectors.load(b, b0 + i)), y, y0 + i);
    }
    for (; i < count; i++) {
      Elements.set(y, y0 + i, Elements.get(a, a0 + i) + Elements.get(b, b0 + i));
    }
  }

  /** Computes {@code y[i] = factor · x[i]} for i in [begin, end). */
  static void scale(MemorySegment x, float factor, MemorySegment y, long begin, long end) {
    long i = begin;
    for (; i + LENGTH <= end; i += LENGTH) {
      Vectors.store(Vectors.load(x, i).mul(factor), y, i);
    }
    for (; i < end; i++) {
      Elements.set(y, i, factor * Elements.get(x, i));
    }
  }

  /** Computes {@code y[at + n] = x[at + n] + Σ t[tAt + j] · B[n][j]}; lanes are outputs. */
  static void lowRankUp(
      LowRank update, MemorySegment x, long at, MemorySegment t, long tAt, MemorySegment y) {
    int r = update.rank();
    int n = 0;
    for (; n + LENGTH <= update.n(); n += LENGTH) {
      FloatVector sum = FloatVector.zero(FLOATS);
      for (int j = 0; j < r; j++) {
        FloatVector b = Vectors.load(update.b(), LowRank.index(r, n, j));
        sum = b.fma(FloatVector.broadcast(FLOATS, Elements.get(t, tAt + j)), sum);
      }
      Vectors.store(Vectors.load(x, at + n).add(sum), y, at + n);
    }
    for (; n < update.n(); n++) {
      float sum = 0;
      for (int j = 0; j < r; j++) {
        float b = Elements.get(update.b(), LowRank.index(r, n, j));
        sum = Math.fma(Elements.get(t, tAt + j), b, sum);
      }
      Elements.set(y, at + n, Elements.get(x, at + n) + sum);
    }
  }

  /** Computes row {@code row} of y [rows, d]: the sum of x [rows, k, d] by weights [rows, k]. */
  static void weightedSum(
      MemorySegment x, MemorySegment weights, MemorySegment y, long row, int k, int d) {
    long from = row * k * d;
    int i = 0;
    for (; i + LENGTH <= d; i += LENGTH) {
      FloatVector acc = Vectors.load(x, from + i).mul(Elements.get(weights, row * k));
      for (int slot = 1; slot < k; slot++) {
        FloatVector addend = Vectors.load(x, from + (long) slot * d + i);
        acc = acc.add(addend.mul(Elements.get(weights, row * k + slot)));
      }
      Vectors.store(acc, y, row * d + i);
    }
    for (; i < d; i++) {
      float acc = Elements.get(x, from + i) * Elements.get(weights, row * k);
      for (int slot = 1; slot < k; slot++) {
        float addend = Elements.get(x, from + (long) slot * d + i);
        acc += addend * Elements.get(weights, row * k + slot);
      }
      Elements.set(y, row * d + i, acc);
    }
  }
}
