package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;

import dev.vidrio.kernel.execution.RotationTable;
import dev.vidrio.kernel.java.runtime.Rope;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/** Rotary position embedding with the Vector API, on vectors of pairs. */
final class VectorRope {
  private static final VectorShuffle<Float> EVEN = VectorShuffle.makeUnzip(FLOATS, 0);
  private static final VectorShuffle<Float> ODD = VectorShuffle.makeUnzip(FLOATS, 1);
  private static final VectorShuffle<Float> LOWER = VectorShuffle.makeZip(FLOATS, 0);
  private static final VectorShuffle<Float> UPPER = VectorShuffle.makeZip(FLOATS, 1);

  private VectorRope() {}

  /** Rotates pairs [0, count) of the elements of two halves, in the head at float {@code at}. */
  static void rotateHalves(Rope rope, long angles, long at, int count) {
    RotationTable table = rope.table();
    MemorySegment x = rope.x();
    MemorySegment y = rope.y();
    int apart = rope.op().rotation().width() / 2;
    for (int j = 0; j < count; j += LENGTH) {
      FloatVector x0 = Vectors.load(x, at + j);
      FloatVector x1 = Vectors.load(x, at + apart + j);
      FloatVector cos = Vectors.load(table.cos(), angles + j);
      FloatVector sin = Vectors.load(table.sin(), angles + j);
      Vectors.store(x0.fma(cos, x1.mul(sin).neg()), y, at + j);
      Vectors.store(x0.fma(sin, x1.mul(cos)), y, at + apart + j);
    }
  }

  /** Rotates pairs [0, count) of adjacent elements. */
  static void rotateInterleaved(Rope rope, long angles, long at, int count) {
    RotationTable table = rope.table();
    MemorySegment x = rope.x();
    MemorySegment y = rope.y();
    for (int j = 0; j < count; j += LENGTH) {
      FloatVector a = Vectors.load(x, at + 2L * j);
      FloatVector b = Vectors.load(x, at + 2L * j + LENGTH);
      FloatVector x0 = a.rearrange(EVEN, b);
      FloatVector x1 = a.rearrange(ODD, b);
      FloatVector cos = Vectors.load(table.cos(), angles + j);
      FloatVector sin = Vectors.load(table.sin(), angles + j);
      FloatVector y0 = x0.fma(cos, x1.mul(sin).neg());
      FloatVector y1 = x0.fma(sin, x1.mul(cos));
      Vectors.store(y0.rearrange(LOWER, y1), y, at + 2L * j);
      Vectors.store(y0.rearrange(UPPER, y1), y, at + 2L * j + LENGTH);
    }
  }
}
