package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.INTS;
import static dev.vidrio.kernel.java.vector.Vectors.ORDER;
import static dev.vidrio.kernel.java.vector.Vectors.SHORTS;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;

import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Multiplies integers of up to 8 bits by paired activations. A short accumulates an even and an odd
 * product, at most 2 · 128 · 127 = 32,512, before it is widened and added to an int. The types have
 * no minima.
 *
 * <p>{@code row} is the row of x at which the tile begins, {@code lane} the lane of the group.
 * Results go to results[16 · row of the tile + lane].
 */
final class WideKernel {
  private static final int QUADS = PairedActivations.QUADS;

  private WideKernel() {}

  /** Multiplies a tile of rows by a vector of weight rows, from {@code lane} of the group on. */
  static void tile(
      WeightType type, WeightPanel panel, PairedActivations x, int row, int lane, float[] results) {
    MemorySegment w = panel.integers();
    long first = panel.offset() + (long) lane * Packing.UNIT;
    float[] factors = panel.factors();
    int quads = type.subBlock() / Packing.UNIT;
    int count = x.blocks() * QUADS / quads;
    int[] pairs = x.pairs();
    float[] scales = x.scales();
    FloatVector y0 = FloatVector.zero(FLOATS);
    FloatVector y1 = FloatVector.zero(FLOATS);
    FloatVector y2 = FloatVector.zero(FLOATS);
    FloatVector y3 = FloatVector.zero(FLOATS);
    for (int sub = 0; sub < count; sub++) {
      int at = row * x.blocks() + sub * quads / QUADS * PairedActivations.TILE;
      IntVector sum0 = IntVector.zero(INTS);
      IntVector sum1 = IntVector.zero(INTS);
      IntVector sum2 = IntVector.zero(INTS);
      IntVector sum3 = IntVector.zero(INTS);
      for (int u = sub * quads; u < (sub + 1) * quads; u++) {
        int p = at * QUADS * 2 + u % QUADS;
        ShortVector even0 = IntVector.broadcast(INTS, pairs[p]).reinterpretAsShorts();
        ShortVector odd0 = IntVector.broadcast(INTS, pairs[p + QUADS]).reinterpretAsShorts();
        ShortVector even1 = IntVector.broadcast(INTS, pairs[p + 2 * QUADS]).reinterpretAsShorts();
        ShortVector odd1 = IntVector.broadcast(INTS, pairs[p + 3 * QUADS]).reinterpretAsShorts();
        ShortVector even2 = IntVector.broadcast(INTS, pairs[p + 4 * QUADS]).reinterpretAsShorts();
        ShortVector odd2 = IntVector.broadcast(INTS, pairs[p + 5 * QUADS]).reinterpretAsShorts();
        ShortVector even3 = IntVector.broadcast(INTS, pairs[p + 6 * QUADS]).reinterpretAsShorts();
        ShortVector odd3 = IntVector.broadcast(INTS, pairs[p + 7 * QUADS]).reinterpretAsShorts();
        long unit = first + u * (long) Packing.UNIT_BYTES;
        ShortVector bytes = ShortVector.fromMemorySegment(SHORTS, w, unit, ORDER);
        ShortVector evenBytes = bytes.lanewise(LSHL, 8).lanewise(ASHR, 8);
        ShortVector oddBytes = bytes.lanewise(ASHR, 8);
        ShortVector two0 = evenBytes.mul(even0).add(oddBytes.mul(odd0));
        IntVector pair0 = two0.reinterpretAsInts();
        sum0 = sum0.add(pair0.lanewise(ASHR, 16));
        sum0 = sum0.add(pair0.lanewise(LSHL, 16).lanewise(ASHR, 16));
        ShortVector two1 = evenBytes.mul(even1).add(oddBytes.mul(odd1));
        IntVector pair1 = two1.reinterpretAsInts();
        sum1 = sum1.add(pair1.lanewise(ASHR, 16));
        sum1 = sum1.add(pair1.lanewise(LSHL, 16).lanewise(ASHR, 16));
        ShortVector two2 = evenBytes.mul(even2).add(oddBytes.mul(odd2));
        IntVector pair2 = two2.reinterpretAsInts();
        sum2 = sum2.add(pair2.lanewise(ASHR, 16));
        sum2 = sum2.add(pair2.lanewise(LSHL, 16).lanewise(ASHR, 16));
        ShortVector two3 = evenBytes.mul(even3).add(oddBytes.mul(odd3));
        IntVector pair3 = two3.reinterpretAsInts();
        sum3 = sum3.add(pair3.lanewise(ASHR, 16));
        sum3 = sum3.add(pair3.lanewise(LSHL, 16).lanewise(ASHR, 16));
      }
      FloatVector scale = FloatVector.fromArray(FLOATS, factors, sub * Packing.ROWS + lane);
      FloatVector f0 = (FloatVector) sum0.convertShape(I2F, FLOATS, 0);
      y0 = f0.fma(scale.mul(scales[at]), y0);
      FloatVector f1 = (FloatVector) sum1.convertShape(I2F, FLOATS, 0);
      y1 = f1.fma(scale.mul(scales[at + 1]), y1);
      FloatVector f2 = (FloatVector) sum2.convertShape(I2F, FLOATS, 0);
      y2 = f2.fma(scale.mul(scales[at + 2]), y2);
      FloatVector f3 = (FloatVector) sum3.convertShape(I2F, FLOATS, 0);
      y3 = f3.fma(scale.mul(scales[at + 3]), y3);
    }
    y0.intoArray(results, lane);
    y1.intoArray(results, Packing.ROWS + lane);
    y2.intoArray(results, 2 * Packing.ROWS + lane);
    y3.intoArray(results, 3 * Packing.ROWS + lane);
  }

  /** Multiplies one row by a vector of weight rows. */
  static void single(
      WeightType type, WeightPanel panel, PairedActivations x, int row, int lane, float[] results) {
    MemorySegment w = panel.integers();
    long first = panel.offset() + (long) lane * Packing.UNIT;
    float[] factors = panel.factors();
    int quads = type.subBlock() / Packing.UNIT;
    int count = x.blocks() * QUADS / quads;
    int[] pairs = x.pairs();
    float[] scales = x.scales();
    FloatVector y = FloatVector.zero(FLOATS);
    for (int sub = 0; sub < count; sub++) {
      int at = row * x.blocks() + sub * quads / QUADS;
      IntVector sum = IntVector.zero(INTS);
      for (int u = sub * quads; u < (sub + 1) * quads; u++) {
        int p = at * QUADS * 2 + u % QUADS;
        ShortVector even = IntVector.broadcast(INTS, pairs[p]).reinterpretAsShorts();
        ShortVector odd = IntVector.broadcast(INTS, pairs[p + QUADS]).reinterpretAsShorts();
        long unit = first + u * (long) Packing.UNIT_BYTES;
        ShortVector bytes = ShortVector.fromMemorySegment(SHORTS, w, unit, ORDER);
        ShortVector evenBytes = bytes.lanewise(LSHL, 8).lanewise(ASHR, 8);
        ShortVector oddBytes = bytes.lanewise(ASHR, 8);
        ShortVector two = evenBytes.mul(even).add(oddBytes.mul(odd));
        IntVector pair = two.reinterpretAsInts();
        sum = sum.add(pair.lanewise(ASHR, 16));
        sum = sum.add(pair.lanewise(LSHL, 16).lanewise(ASHR, 16));
      }
      FloatVector scale = FloatVector.fromArray(FLOATS, factors, sub * Packing.ROWS + lane);
      FloatVector f = (FloatVector) sum.convertShape(I2F, FLOATS, 0);
      y = f.fma(scale.mul(scales[at]), y);
    }
    y.intoArray(results, lane);
  }
}
