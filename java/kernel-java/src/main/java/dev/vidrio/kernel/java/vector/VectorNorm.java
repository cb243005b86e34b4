package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.scalar.LaneSum;
import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Norms with the Vector API, one head at a time. */
final class VectorNorm {
  private static final int LANES = LaneSum.LANES;

  private final float[] lanes = new float[LANES];

  /**
   * Normalizes a head; heads are counted over all rows.
   *
   * @return the divisor
   */
  float head(Op.Norm op, MemorySegment x, MemorySegment y, int head) {
    int d = op.d();
    long at = (long) head * d;
    int offset = op.affineOffset(head);
    float center = op.kind() == Op.NormKind.LAYER ? mean(x, at, d) : 0;
    float scale = (float) Math.sqrt(meanSquare(x, at, d, center) + op.epsilon());
    normalize(x, y, at, d, center, 1 / scale);
    int vectors = d / LENGTH * LENGTH;
    affine(op, offset, y, at, vectors);
    for (int i = vectors; i < d; i++) {
      float normalized = Elements.get(y, at + i);
      Elements.set(y, at + i, ScalarKernels.affine(op.gain(), op.bias(), normalized, offset + i));
    }
    return scale;
  }

  private float mean(MemorySegment x, long at, int d) {
    int end = d / LANES * LANES;
    for (int lane = 0; lane < LANES; lane += LENGTH) {
      FloatVector sum = FloatVector.zero(FLOATS);
      for (int i = lane; i < end; i += LANES) {
        sum = sum.add(Vectors.load(x, at + i));
      }
      sum.intoArray(lanes, lane);
    }
    for (int i = end; i < d; i++) {
      lanes[i - end] += Elements.get(x, at + i);
    }
    return VectorLanes.merge(lanes, 0) / d;
  }

  private float meanSquare(MemorySegment x, long at, int d, float center) {
    int end = d / LANES * LANES;
    for (int lane = 0; lane < LANES; lane += LENGTH) {
      FloatVector sum = FloatVector.zero(FLOATS);
      for (int i = lane; i < end; i += LANES) {
        FloatVector c = Vectors.load(x, at + i).sub(center);
        sum = c.fma(c, sum);
      }
      sum.intoArray(lanes, lane);
    }
    for (int i = end; i < d; i++) {
      float c = Elements.get(x, at + i) - center;
      lanes[i - end] = Math.fma(c, c, lanes[i - end]);
    }
    return VectorLanes.merge(lanes, 0) / d;
  }

  private static void normalize(
      MemorySegment x, MemorySegment y, long at, int d, float center, float inverse) {
    int i = 0;
    for (; i + LENGTH <= d; i += LENGTH) {
      Vectors.store(Vectors.load(x, at + i).sub(center).mul(inverse), y, at + i);
    }
    for (; i < d; i++) {
      Elements.set(y, at + i, (Elements.get(x, at + i) - center) * inverse);
    }
  }

  /**
   * Applies gain and bias, from {@code offset} on, to {@code d} elements, which fill whole vectors.
   */
  private static void affine(Op.Norm op, int offset, MemorySegment y, long at, int d) {
    @Nullable Weights gain = op.gain();
    @Nullable Weights bias = op.bias();
    if (gain != null && bias != null) {
      for (int i = 0; i < d; i += LENGTH) {
        FloatVector v =
            Vectors.load(y, at + i)
                .fma(Vectors.load(gain.data(), offset + i), Vectors.load(bias.data(), offset + i));
        Vectors.store(v, y, at + i);
      }
    } else if (gain != null) {
      VectorMath.multiply(y, at, gain.data(), offset, y, at, d);
    } else if (bias != null) {
      VectorMath.add(y, at, bias.data(), offset, y, at, d);
    }
  }
}
