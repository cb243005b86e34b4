package dev.vidrio.kernel.java;

import static dev.vidrio.kernel.java.Vectors.FLOATS;
import static dev.vidrio.kernel.java.Vectors.INTS;
import static dev.vidrio.kernel.java.Vectors.ORDER;
import static dev.vidrio.kernel.java.Vectors.SHORTS;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import dev.vidrio.kernel.Packing;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Q4_0 and Q4_1 weights by paired activations; the parameters are those of {@link EightBitKernel}.
 * Nibbles are taken as 0 to 15, so that the 16 products of a block that fall to a short add up to
 * at most 16 · 15 · 127, which fits it. The 8 that Q4_0 takes from each weight is taken from the
 * sum, as 8 times the sum of the activations; all these integers are exact in floats too.
 */
final class FourBitKernel {
  private static final int QUADS = PairedActivations.QUADS;

  /** Bytes of a unit of packed quants: 4 of each row. */
  private static final long UNIT_BYTES = Packing.ROWS * Packing.UNIT;

  private FourBitKernel() {}

  /** Q4_0 and, with minima, Q4_1: a tile of rows by a vector of weight rows. */
  static void tile(
      MemorySegment w,
      long quants,
      float[] factors,
      boolean minima,
      PairedActivations x,
      int row,
      int lane,
      float[] results) {
    int blocks = x.blocks();
    int[] pairs = x.pairs();
    float[] scales = x.scales();
    float[] sums = x.sums();
    FloatVector y0 = FloatVector.zero(FLOATS);
    FloatVector y1 = FloatVector.zero(FLOATS);
    FloatVector y2 = FloatVector.zero(FLOATS);
    FloatVector y3 = FloatVector.zero(FLOATS);
    for (int block = 0; block < blocks; block++) {
      int at = row * blocks + block * PairedActivations.TILE;
      ShortVector sum0 = ShortVector.zero(SHORTS);
      ShortVector sum1 = ShortVector.zero(SHORTS);
      ShortVector sum2 = ShortVector.zero(SHORTS);
      ShortVector sum3 = ShortVector.zero(SHORTS);
      for (int u = 0; u < QUADS / 2; u++) {
        int p = at * QUADS * 2 + u;
        ShortVector a0 = IntVector.broadcast(INTS, pairs[p]).reinterpretAsShorts();
        ShortVector b0 = IntVector.broadcast(INTS, pairs[p + QUADS]).reinterpretAsShorts();
        ShortVector c0 = IntVector.broadcast(INTS, pairs[p + QUADS / 2]).reinterpretAsShorts();
        ShortVector d0 =
            IntVector.broadcast(INTS, pairs[p + QUADS + QUADS / 2]).reinterpretAsShorts();
        ShortVector a1 = IntVector.broadcast(INTS, pairs[p + 2 * QUADS]).reinterpretAsShorts();
        ShortVector b1 = IntVector.broadcast(INTS, pairs[p + 3 * QUADS]).reinterpretAsShorts();
        ShortVector c1 =
            IntVector.broadcast(INTS, pairs[p + 2 * QUADS + QUADS / 2]).reinterpretAsShorts();
        ShortVector d1 =
            IntVector.broadcast(INTS, pairs[p + 3 * QUADS + QUADS / 2]).reinterpretAsShorts();
        ShortVector a2 = IntVector.broadcast(INTS, pairs[p + 4 * QUADS]).reinterpretAsShorts();
        ShortVector b2 = IntVector.broadcast(INTS, pairs[p + 5 * QUADS]).reinterpretAsShorts();
        ShortVector c2 =
            IntVector.broadcast(INTS, pairs[p + 4 * QUADS + QUADS / 2]).reinterpretAsShorts();
        ShortVector d2 =
            IntVector.broadcast(INTS, pairs[p + 5 * QUADS + QUADS / 2]).reinterpretAsShorts();
        ShortVector a3 = IntVector.broadcast(INTS, pairs[p + 6 * QUADS]).reinterpretAsShorts();
        ShortVector b3 = IntVector.broadcast(INTS, pairs[p + 7 * QUADS]).reinterpretAsShorts();
        ShortVector c3 =
            IntVector.broadcast(INTS, pairs[p + 6 * QUADS + QUADS / 2]).reinterpretAsShorts();
        ShortVector d3 =
            IntVector.broadcast(INTS, pairs[p + 7 * QUADS + QUADS / 2]).reinterpretAsShorts();
        long unit = quants + (block * (QUADS / 2) + u) * UNIT_BYTES;
        ShortVector bytes = ShortVector.fromMemorySegment(SHORTS, w, unit, ORDER);
        ShortVector evenLow = bytes.and((short) 15);
        ShortVector oddLow = bytes.lanewise(LSHR, 8).and((short) 15);
        ShortVector evenHigh = bytes.lanewise(LSHR, 4).and((short) 15);
        ShortVector oddHigh = bytes.lanewise(LSHR, 12);
        sum0 =
            sum0.add(evenLow.mul(a0))
                .add(oddLow.mul(b0))
                .add(evenHigh.mul(c0))
                .add(oddHigh.mul(d0));
        sum1 =
            sum1.add(evenLow.mul(a1))
                .add(oddLow.mul(b1))
                .add(evenHigh.mul(c1))
                .add(oddHigh.mul(d1));
        sum2 =
            sum2.add(evenLow.mul(a2))
                .add(oddLow.mul(b2))
                .add(evenHigh.mul(c2))
                .add(oddHigh.mul(d2));
        sum3 =
            sum3.add(evenLow.mul(a3))
                .add(oddLow.mul(b3))
                .add(evenHigh.mul(c3))
                .add(oddHigh.mul(d3));
      }
      IntVector pair0 = sum0.reinterpretAsInts();
      IntVector low0 = pair0.lanewise(LSHL, 16).lanewise(ASHR, 16);
      IntVector dot0 = pair0.lanewise(ASHR, 16).add(low0);
      FloatVector f0 = (FloatVector) dot0.convertShape(I2F, FLOATS, 0);
      IntVector pair1 = sum1.reinterpretAsInts();
      IntVector low1 = pair1.lanewise(LSHL, 16).lanewise(ASHR, 16);
      IntVector dot1 = pair1.lanewise(ASHR, 16).add(low1);
      FloatVector f1 = (FloatVector) dot1.convertShape(I2F, FLOATS, 0);
      IntVector pair2 = sum2.reinterpretAsInts();
      IntVector low2 = pair2.lanewise(LSHL, 16).lanewise(ASHR, 16);
      IntVector dot2 = pair2.lanewise(ASHR, 16).add(low2);
      FloatVector f2 = (FloatVector) dot2.convertShape(I2F, FLOATS, 0);
      IntVector pair3 = sum3.reinterpretAsInts();
      IntVector low3 = pair3.lanewise(LSHL, 16).lanewise(ASHR, 16);
      IntVector dot3 = pair3.lanewise(ASHR, 16).add(low3);
      FloatVector f3 = (FloatVector) dot3.convertShape(I2F, FLOATS, 0);
      if (minima) {
        int factor = 2 * block * Packing.ROWS + lane;
        FloatVector scale = FloatVector.fromArray(FLOATS, factors, factor);
        FloatVector minimum = FloatVector.fromArray(FLOATS, factors, factor + Packing.ROWS);
        y0 = f0.fma(scale.mul(scales[at]), y0);
        y0 = minimum.fma(FloatVector.broadcast(FLOATS, sums[at]), y0);
        y1 = f1.fma(scale.mul(scales[at + 1]), y1);
        y1 = minimum.fma(FloatVector.broadcast(FLOATS, sums[at + 1]), y1);
        y2 = f2.fma(scale.mul(scales[at + 2]), y2);
        y2 = minimum.fma(FloatVector.broadcast(FLOATS, sums[at + 2]), y2);
        y3 = f3.fma(scale.mul(scales[at + 3]), y3);
        y3 = minimum.fma(FloatVector.broadcast(FLOATS, sums[at + 3]), y3);
      } else {
        FloatVector scale = FloatVector.fromArray(FLOATS, factors, block * Packing.ROWS + lane);
        y0 = f0.sub(sums[at]).fma(scale.mul(scales[at]), y0);
        y1 = f1.sub(sums[at + 1]).fma(scale.mul(scales[at + 1]), y1);
        y2 = f2.sub(sums[at + 2]).fma(scale.mul(scales[at + 2]), y2);
        y3 = f3.sub(sums[at + 3]).fma(scale.mul(scales[at + 3]), y3);
      }
    }
    y0.intoArray(results, lane);
    y1.intoArray(results, Packing.ROWS + lane);
    y2.intoArray(results, 2 * Packing.ROWS + lane);
    y3.intoArray(results, 3 * Packing.ROWS + lane);
  }

  /** Q4_0 and, with minima, Q4_1: one row. */
  static void single(
      MemorySegment w,
      long quants,
      float[] factors,
      boolean minima,
      PairedActivations x,
      int row,
      int lane,
      float[] results) {
    int blocks = x.blocks();
    int[] pairs = x.pairs();
    float[] scales = x.scales();
    float[] sums = x.sums();
    FloatVector y = FloatVector.zero(FLOATS);
    for (int block = 0; block < blocks; block++) {
      int at = row * blocks + block;
      ShortVector sum = ShortVector.zero(SHORTS);
      for (int u = 0; u < QUADS / 2; u++) {
        int p = at * QUADS * 2 + u;
        ShortVector a = IntVector.broadcast(INTS, pairs[p]).reinterpretAsShorts();
        ShortVector b = IntVector.broadcast(INTS, pairs[p + QUADS]).reinterpretAsShorts();
        ShortVector c = IntVector.broadcast(INTS, pairs[p + QUADS / 2]).reinterpretAsShorts();
        ShortVector d =
            IntVector.broadcast(INTS, pairs[p + QUADS + QUADS / 2]).reinterpretAsShorts();
        long unit = quants + (block * (QUADS / 2) + u) * UNIT_BYTES;
        ShortVector bytes = ShortVector.fromMemorySegment(SHORTS, w, unit, ORDER);
        ShortVector evenLow = bytes.and((short) 15);
        ShortVector oddLow = bytes.lanewise(LSHR, 8).and((short) 15);
        ShortVector evenHigh = bytes.lanewise(LSHR, 4).and((short) 15);
        ShortVector oddHigh = bytes.lanewise(LSHR, 12);
        sum = sum.add(evenLow.mul(a)).add(oddLow.mul(b)).add(evenHigh.mul(c)).add(oddHigh.mul(d));
      }
      IntVector pair = sum.reinterpretAsInts();
      IntVector low = pair.lanewise(LSHL, 16).lanewise(ASHR, 16);
      IntVector dot = pair.lanewise(ASHR, 16).add(low);
      FloatVector f = (FloatVector) dot.convertShape(I2F, FLOATS, 0);
      if (minima) {
        int factor = 2 * block * Packing.ROWS + lane;
        FloatVector scale = FloatVector.fromArray(FLOATS, factors, factor);
        FloatVector minimum = FloatVector.fromArray(FLOATS, factors, factor + Packing.ROWS);
        y = f.fma(scale.mul(scales[at]), y);
        y = minimum.fma(FloatVector.broadcast(FLOATS, sums[at]), y);
      } else {
        FloatVector scale = FloatVector.fromArray(FLOATS, factors, block * Packing.ROWS + lane);
        y = f.sub(sums[at]).fma(scale.mul(scales[at]), y);
      }
    }
    y.intoArray(results, lane);
  }
}
