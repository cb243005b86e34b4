package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.scalar.ScalarActivation;
import dev.vidrio.kernel.java.scalar.ScalarMath;
import dev.vidrio.kernel.op.Op;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** The activation functions with the Vector API, in pieces of {@value #PIECE} elements. */
final class VectorActivation {
  private static final int PIECE = 256;

  // The arguments of exp, then its results.
  private final float[] e = new float[PIECE];

  /** Computes {@code y[i] = f(x[i])} for i in [begin, end). */
  void activate(Op.ActivationKind kind, MemorySegment x, MemorySegment y, long begin, long end) {
    long vectors = begin + (end - begin) / LENGTH * LENGTH;
    for (long i = begin; i < vectors; i += PIECE) {
      int count = (int) Math.min(PIECE, vectors - i);
      switch (kind) {
        case SILU -> {
          negated(x, i, count);
          divide(x, y, i, count);
        }
        case GELU_TANH -> {
          geluTanhArguments(x, i, count);
          divide(x, y, i, count);
        }
        case RELU -> relu(x, y, i, count);
        case GELU -> {
          halfSquares(x, i, count);
          gelu(x, y, i, count);
        }
        case TANH -> VectorMath.tanh(x, y, i, i + count);
        case SQUARED_RELU -> squaredRelu(x, y, i, count);
        case ELU -> elu(x, y, i, count);
        case HARD_TANH -> hardTanh(x, y, i, count);
        case CLAMPED_SWISH -> clampedSwish(x, y, i, count);
        case CLAMPED_LINEAR -> clampedLinear(x, y, i, count);
        case IDENTITY -> Elements.copy(x, i, y, i, count);
        case SIGMOID -> {
          negated(x, i, count);
          sigmoid(y, i, count);
        }
        case SOFTPLUS -> softplus(x, y, i, count);
        default -> elements(kind, x, y, i, i + count);
      }
    }
    elements(kind, x, y, vectors, end);
  }

  /** Computes elements [begin, end) one by one, as for a function without a vector version. */
  private static void elements(
      Op.ActivationKind kind, MemorySegment x, MemorySegment y, long begin, long end) {
    for (long i = begin; i < end; i++) {
      Elements.set(y, i, ScalarActivation.activate(kind, Elements.get(x, i)));
    }
  }

  private void negated(MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += LENGTH) {
      Vectors.load(x, at + i).neg().intoArray(e, i);
    }
  }

  private void geluTanhArguments(MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += LENGTH) {
      FloatVector v = Vectors.load(x, at + i);
      FloatVector cubic = v.mul(ScalarMath.GELU_CUBIC).fma(v, FloatVector.broadcast(FLOATS, 1));
      v.mul(cubic).mul(ScalarMath.GELU_OUTER).intoArray(e, i);
    }
  }

  /** Computes {@code y = x / (1 + exp(e))}. */
  private void divide(MemorySegment x, MemorySegment y, long at, int count) {
    VectorMath.exp(e, 0, count, 0);
    for (int i = 0; i < count; i += LENGTH) {
      FloatVector divisor = FloatVector.fromArray(FLOATS, e, i).add(1);
      Vectors.store(Vectors.load(x, at + i).div(divisor), y, at + i);
    }
  }

  /** Computes {@code e = −x²/2}, with |x| clamped to {@link ScalarMath#GELU_END}. */
  private void halfSquares(MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += LENGTH) {
      FloatVector a = Vectors.load(x, at + i).abs().min(ScalarMath.GELU_END);
      a.mul(a).mul(-0.5f).intoArray(e, i);
    }
  }

  private void gelu(MemorySegment x, MemorySegment y, long at, int count) {
    VectorMath.exp(e, 0, count, 0);
    FloatVector zero = FloatVector.zero(FLOATS);
    for (int i = 0; i < count; i += LENGTH) {
      FloatVector v = Vectors.load(x, at + i);
      FloatVector a = v.abs().min(ScalarMath.GELU_END);
      FloatVector t = FloatVector.broadcast(FLOATS, 1).div(a.add(2.5f));
      FloatVector u = t.fma(FloatVector.broadcast(FLOATS, -5), FloatVector.broadcast(FLOATS, 1));
      FloatVector q = FloatVector.broadcast(FLOATS, ScalarMath.geluTail(0));
      for (int k = 1; k < ScalarMath.GELU_TAIL_TERMS; k++) {
        q = q.fma(u, FloatVector.broadcast(FLOATS, ScalarMath.geluTail(k)));
      }
      FloatVector rest = a.fma(a, a.mul(a).neg());
      FloatVector share = FloatVector.fromArray(FLOATS, e, i);
      share = share.fma(rest.mul(-0.5f), share).mul(q.mul(t));
      FloatVector above = zero.blend(v, v.compare(VectorOperators.GT, 0));
      Vectors.store(a.neg().fma(share, above), y, at + i);
    }
  }

  private void clampedSwish(MemorySegment x, MemorySegment y, long at, int count) {
    for (int i = 0; i < count; i += LENGTH) {
      clampedAbove(x, at + i).mul(-ScalarActivation.SWISH_SLOPE).intoArray(e, i);
    }
    VectorMath.exp(e, 0, count, 0);
    for (int i = 0; i < count; i += LENGTH) {
      FloatVector divisor = FloatVector.fromArray(FLOATS, e, i).add(1);
      Vectors.store(clampedAbove(x, at + i).div(divisor), y, at + i);
    }
  }

  private static void clampedLinear(MemorySegment x, MemorySegment y, long at, int count) {
    float min = -ScalarActivation.SWISH_LIMIT;
    for (int i = 0; i < count; i += LENGTH) {
      FloatVector c = clampedAbove(x, at + i);
      c = c.blend(min, c.compare(VectorOperators.LT, min));
      Vectors.store(c.add(1), y, at + i);
    }
  }

  private static FloatVector clampedAbove(MemorySegment x, long at) {
    FloatVector v = Vectors.load(x, at);
    float max = ScalarActivation.SWISH_LIMIT;
    return v.blend(max, v.compare(VectorOperators.GT, max));
  }

  private static void relu(MemorySegment x, MemorySegment y, long at, int count) {
    for (int i = 0; i < count; i += LENGTH) {
      Vectors.store(positive(Vectors.load(x, at + i)), y, at + i);
    }
  }

  private static FloatVector positive(FloatVector v) {
    return FloatVector.zero(FLOATS).blend(v, v.compare(VectorOperators.GT, 0));
  }

  private static void squaredRelu(MemorySegment x, MemorySegment y, long at, int count) {
    for (int i = 0; i < count; i += LENGTH) {
      FloatVector r = positive(Vectors.load(x, at + i));
      Vectors.store(r.mul(r), y, at + i);
    }
  }

  private static void elu(MemorySegment x, MemorySegment y, long at, int count) {
    for (int i = 0; i < count; i += LENGTH) {
      FloatVector v = Vectors.load(x, at + i);
      FloatVector e = VectorMath.exponentialLessOne(v);
      Vectors.store(e.blend(v, v.compare(VectorOperators.GT, 0)), y, at + i);
    }
  }

  /** Computes {@code y = 1 / (1 + exp(e))}. */
  private void sigmoid(MemorySegment y, long at, int count) {
    VectorMath.exp(e, 0, count, 0);
    FloatVector one = FloatVector.broadcast(FLOATS, 1);
    for (int i = 0; i < count; i += LENGTH) {
      Vectors.store(one.div(FloatVector.fromArray(FLOATS, e, i).add(1)), y, at + i);
    }
  }

  private void softplus(MemorySegment x, MemorySegment y, long at, int count) {
    for (int i = 0; i < count; i += LENGTH) {
      Vectors.load(x, at + i).abs().neg().intoArray(e, i);
    }
    VectorMath.exp(e, 0, count, 0);
    for (int i = 0; i < count; i += LENGTH) {
      FloatVector log = VectorMath.logOnePlus(FloatVector.fromArray(FLOATS, e, i));
      Vectors.store(positive(Vectors.load(x, at + i)).add(log), y, at + i);
    }
  }

  private static void hardTanh(MemorySegment x, MemorySegment y, long at, int count) {
    for (int i = 0; i < count; i += LENGTH) {
      Vectors.store(VectorMath.clamp(Vectors.load(x, at + i), -1, 1), y, at + i);
    }
  }
}
