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
 * Multiplies integers of magnitude up to {@value #MAX_MAGNITUDE} by paired activations; parameters
 * are those of {@link WideKernel}. A short accumulates 8 products of 16 columns, at most 8 · 32 ·
 * 127 = 32,512, before it is widened and added to an int.
 */
final class NarrowKernel {
  /** The largest magnitude of an integer with products that fit. */
  static final int MAX_MAGNITUDE = 32;

  private static final int TILE = PairedActivations.TILE;
  private static final int QUADS = PairedActivations.QUADS;

  /** Quads with products that a short accumulates. */
  private static final int RUN = 4;

  private NarrowKernel() {}

  /** Multiplies a tile of rows by a vector of weight rows, from {@code lane} of the group on. */
  static void tile(
      WeightType type, WeightPanel panel, PairedActivations x, int row, int lane, float[] results) {
    MemorySegment w = panel.integers();
    long first = panel.offset() + (long) lane * Packing.UNIT;
    float[] factors = panel.factors();
    boolean minima = type.hasMinima();
    int quads = type.subBlock() / Packing.UNIT;
    int count = x.blocks() * QUADS / quads;
    int[] pairs = x.pairs();
    float[] scales = x.scales();
    float[] sums = x.sums();
    FloatVector y0 = FloatVector.zero(FLOATS);
    FloatVector y1 = FloatVector.zero(FLOATS);
    FloatVector y2 = FloatVector.zero(FLOATS);
    FloatVector y3 = FloatVector.zero(FLOATS);
    for (int sub = 0; sub < count; sub++) {
      int scaleAt = row * x.blocks() + sub * quads / QUADS * TILE;
      IntVector dot0 = IntVector.zero(INTS);
      IntVector dot1 = IntVector.zero(INTS);
      IntVector dot2 = IntVector.zero(INTS);
      IntVector dot3 = IntVector.zero(INTS);
      for (int run = sub * quads; run < (sub + 1) * quads; run += RUN) {
        int p = scaleAt * QUADS * 2 + run % QUADS;
        ShortVector sum0 = ShortVector.zero(SHORTS);
        ShortVector sum1 = ShortVector.zero(SHORTS);
        ShortVector sum2 = ShortVector.zero(SHORTS);
        ShortVector sum3 = ShortVector.zero(SHORTS);
        for (int u = 0; u < RUN; u++) {
          long unit = first + (run + u) * (long) Packing.UNIT_BYTES;
          ShortVector bytes = ShortVector.fromMemorySegment(SHORTS, w, unit, ORDER);
          ShortVector even = bytes.lanewise(LSHL, 8).lanewise(ASHR, 8);
          ShortVector odd = bytes.lanewise(ASHR, 8);
          ShortVector a0 = IntVector.broadcast(INTS, pairs[p + u]).reinterpretAsShorts();
          ShortVector b0 = IntVector.broadcast(INTS, pairs[p + u + QUADS]).reinterpretAsShorts();
          sum0 = sum0.add(even.mul(a0)).add(odd.mul(b0));
          ShortVector a1 =
              IntVector.broadcast(INTS, pairs[p + u + 2 * QUADS]).reinterpretAsShorts();
          ShortVector b1 =
              IntVector.broadcast(INTS, pairs[p + u + 3 * QUADS]).reinterpretAsShorts();
          sum1 = sum1.add(even.mul(a1)).add(odd.mul(b1));
          ShortVector a2 =
              IntVector.broadcast(INTS, pairs[p + u + 4 * QUADS]).reinterpretAsShorts();
          ShortVector b2 =
              IntVector.broadcast(INTS, pairs[p + u + 5 * QUADS]).reinterpretAsShorts();
          sum2 = sum2.add(even.mul(a2)).add(odd.mul(b2));
          ShortVector a3 =
              IntVector.broadcast(INTS, pairs[p + u + 6 * QUADS]).reinterpretAsShorts();
          ShortVector b3 =
              IntVector.broadcast(INTS, pairs[p + u + 7 * QUADS]).reinterpretAsShorts();
          sum3 = sum3.add(even.mul(a3)).add(odd.mul(b3));
        }
        IntVector pair0 = sum0.reinterpretAsInts();
        dot0 = dot0.add(pair0.lanewise(ASHR, 16));
        dot0 = dot0.add(pair0.lanewise(LSHL, 16).lanewise(ASHR, 16));
        IntVector pair1 = sum1.reinterpretAsInts();
        dot1 = dot1.add(pair1.lanewise(ASHR, 16));
        dot1 = dot1.add(pair1.lanewise(LSHL, 16).lanewise(ASHR, 16));
        IntVector pair2 = sum2.reinterpretAsInts();
        dot2 = dot2.add(pair2.lanewise(ASHR, 16));
        dot2 = dot2.add(pair2.lanewise(LSHL, 16).lanewise(ASHR, 16));
        IntVector pair3 = sum3.reinterpretAsInts();
        dot3 = dot3.add(pair3.lanewise(ASHR, 16));
        dot3 = dot3.add(pair3.lanewise(LSHL, 16).lanewise(ASHR, 16));
      }
      int factor = (minima ? 2 * sub : sub) * Packing.ROWS + lane;
      FloatVector scale = FloatVector.fromArray(FLOATS, factors, factor);
      FloatVector f0 = (FloatVector) dot0.convertShape(I2F, FLOATS, 0);
      y0 = f0.fma(scale.mul(scales[scaleAt]), y0);
      FloatVector f1 = (FloatVector) dot1.convertShape(I2F, FLOATS, 0);
      y1 = f1.fma(scale.mul(scales[scaleAt + 1]), y1);
      FloatVector f2 = (FloatVector) dot2.convertShape(I2F, FLOATS, 0);
      y2 = f2.fma(scale.mul(scales[scaleAt + 2]), y2);
      FloatVector f3 = (FloatVector) dot3.convertShape(I2F, FLOATS, 0);
      y3 = f3.fma(scale.mul(scales[scaleAt + 3]), y3);
      if (minima) {
        FloatVector minimum = FloatVector.fromArray(FLOATS, factors, factor + Packing.ROWS);
        int at = row * count + sub * TILE;
        y0 = minimum.fma(FloatVector.broadcast(FLOATS, sums[at]), y0);
        y1 = minimum.fma(FloatVector.broadcast(FLOATS, sums[at + 1]), y1);
        y2 = minimum.fma(FloatVector.broadcast(FLOATS, sums[at + 2]), y2);
        y3 = minimum.fma(FloatVector.broadcast(FLOATS, sums[at + 3]), y3);
      }
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
    boolean minima = type.hasMinima();
    int quads = type.subBlock() / Packing.UNIT;
    int count = x.blocks() * QUADS / quads;
    int[] pairs = x.pairs();
    float[] scales = x.scales();
    float[] sums = x.sums();
    FloatVector y = FloatVector.zero(FLOATS);
    for (int sub = 0; sub < count; sub++) {
      int scaleAt = row * x.blocks() + sub * quads / QUADS;
      IntVector dot = IntVector.zero(INTS);
      for (int run = sub * quads; run < (sub + 1) * quads; run += RUN) {
        int p = scaleAt * QUADS * 2 + run % QUADS;
        ShortVector sum = ShortVector.zero(SHORTS);
        for (int u = 0; u < RUN; u++) {
          long unit = first + (run + u) * (long) Packing.UNIT_BYTES;
          ShortVector bytes = ShortVector.fromMemorySegment(SHORTS, w, unit, ORDER);
          ShortVector even = bytes.lanewise(LSHL, 8).lanewise(ASHR, 8);
          ShortVector odd = bytes.lanewise(ASHR, 8);
          ShortVector a = IntVector.broadcast(INTS, pairs[p + u]).reinterpretAsShorts();
          ShortVector b = IntVector.broadcast(INTS, pairs[p + u + QUADS]).reinterpretAsShorts();
          sum = sum.add(even.mul(a)).add(odd.mul(b));
        }
        IntVector pair = sum.reinterpretAsInts();
        dot = dot.add(pair.lanewise(ASHR, 16));
        dot = dot.add(pair.lanewise(LSHL, 16).lanewise(ASHR, 16));
      }
      int factor = (minima ? 2 * sub : sub) * Packing.ROWS + lane;
      FloatVector scale = FloatVector.fromArray(FLOATS, factors, factor);
      FloatVector f = (FloatVector) dot.convertShape(I2F, FLOATS, 0);
      y = f.fma(scale.mul(scales[scaleAt]), y);
      if (minima) {
        FloatVector minimum = FloatVector.fromArray(FLOATS, factors, factor + Packing.ROWS);
        y = minimum.fma(FloatVector.broadcast(FLOATS, sums[row * count + sub]), y);
      }
    }
    y.intoArray(results, lane);
  }
}
