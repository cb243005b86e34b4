package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;

import dev.vidrio.kernel.TopKHeap;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.scalar.LaneSum;
import dev.vidrio.kernel.java.scalar.ScalarMath;
import dev.vidrio.kernel.java.scalar.ScalarTopK;
import dev.vidrio.kernel.op.Op;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Top-k with the Vector API; elements not above the smallest candidate cost one comparison. */
final class VectorTopK extends ScalarTopK {
  private static final int LANES = LaneSum.LANES;
  private static final int PIECE = 256;

  private final TopKHeap heap = new TopKHeap(Op.TopK.MAX);
  private final float[] e = new float[PIECE];
  private final float[] lanes = new float[LANES];

  @Override
  protected int[] topIds(Op.TopK op, MemorySegment x, long at) {
    int n = op.x().width();
    heap.begin(op.k());
    int i = 0;
    for (; i < op.k(); i++) {
      heap.offer(Elements.get(x, at + i), i);
    }
    float smallest = smallest(x, at);
    for (; i + LENGTH <= n; i += LENGTH) {
      if (Vectors.load(x, at + i).compare(VectorOperators.GT, smallest).anyTrue()) {
        for (int j = i; j < i + LENGTH; j++) {
          heap.offer(Elements.get(x, at + j), j);
        }
        smallest = smallest(x, at);
      }
    }
    for (; i < n; i++) {
      heap.offer(Elements.get(x, at + i), i);
    }
    var ids = new int[heap.sort()];
    for (int j = 0; j < ids.length; j++) {
      ids[j] = heap.id(j);
    }
    return ids;
  }

  private float smallest(MemorySegment x, long at) {
    float smallest = Elements.get(x, at + heap.smallest());
    return Float.isNaN(smallest) ? Float.NEGATIVE_INFINITY : smallest;
  }

  @Override
  protected float maximum(MemorySegment x, long at, int n) {
    int vectors = n / LENGTH * LENGTH;
    float maximum = Float.NEGATIVE_INFINITY;
    if (vectors > 0) {
      FloatVector largest = FloatVector.broadcast(Vectors.FLOATS, maximum);
      for (int i = 0; i < vectors; i += LENGTH) {
        FloatVector v = Vectors.load(x, at + i);
        largest = largest.blend(v, v.compare(VectorOperators.GT, largest));
      }
      maximum = largest.reduceLanes(VectorOperators.MAX);
    }
    float rest = super.maximum(x, at + vectors, n - vectors);
    return rest > maximum ? rest : maximum;
  }

  @Override
  protected float sumExp(MemorySegment x, long at, int n, float maximum) {
    int whole = n / LANES * LANES;
    Arrays.fill(lanes, 0);
    for (int first = 0; first < whole; first += PIECE) {
      int count = Math.min(PIECE, whole - first);
      for (int i = 0; i < count; i += LENGTH) {
        Vectors.load(x, at + first + i).intoArray(e, i);
      }
      VectorMath.exp(e, 0, count, maximum);
      for (int lane = 0; lane < LANES; lane += LENGTH) {
        FloatVector sum = FloatVector.fromArray(Vectors.FLOATS, lanes, lane);
        for (int i = lane; i < count; i += LANES) {
          sum = sum.add(FloatVector.fromArray(Vectors.FLOATS, e, i));
        }
        sum.intoArray(lanes, lane);
      }
    }
    for (int i = whole; i < n; i++) {
      lanes[i - whole] += ScalarMath.exp(Elements.get(x, at + i) - maximum);
    }
    return VectorLanes.merge(lanes, 0);
  }
}
