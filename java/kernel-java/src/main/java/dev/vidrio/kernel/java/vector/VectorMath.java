package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.scalar.ScalarMath;
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
}
