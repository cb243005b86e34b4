package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.INTS;
import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.execution.Workspace.Quantized;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.runtime.Attention;
import dev.vidrio.kernel.java.runtime.Convolution;
import dev.vidrio.kernel.java.runtime.Recurrence;
import dev.vidrio.kernel.java.runtime.Rope;
import dev.vidrio.kernel.java.runtime.Share;
import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/** The kernels with the Vector API. Copies and routing are inherited from {@link ScalarKernels}. */
public final class VectorKernels extends ScalarKernels {
  private static final int BLOCK = QuantizedBuffer.BLOCK;
  private static final int SUM_BLOCK = QuantizedBuffer.SUM_BLOCK;
  private static final int NOT_FINITE = 0x7f800000;

  private final VectorFloatMatMul floatMatMul = new VectorFloatMatMul();
  private final VectorBf16MatMul bf16MatMul = new VectorBf16MatMul();
  private final VectorQuantizedMatMul quantizedMatMul = new VectorQuantizedMatMul();
  private final VectorAttention vectorAttention = new VectorAttention();
  private final VectorEmbed embed = new VectorEmbed();
  private final VectorNorm norm = new VectorNorm();
  private final VectorActivation activation = new VectorActivation();

  /** Creates kernels with the vector size of the processor. */
  public VectorKernels() {
    super(new VectorTopK());
  }

  @Override
  public void embed(Op.Embed op, Batch batch, MemorySegment y, int row) {
    int from = op.row(batch.token(row), batch.position(row), batch.type(row));
    embed.row(op.table(), from, y, (long) row * op.table().k());
  }

  @Override
  public float norm(Op.Norm op, MemorySegment x, MemorySegment y, int head) {
    return norm.head(op, x, y, head);
  }

  @Override
  public void quantize(MemorySegment x, Quantized y, int begin, int end) {
    for (int block = begin; block < end; block++) {
      long at = (long) block * BLOCK;
      int max = maxMagnitude(x, at);
      boolean finite = max < NOT_FINITE;
      float a = Float.intBitsToFloat(max);
      if (finite && a >= TINY) {
        int sum0 = quantizeSum(x, y.q(), at, 127 / a);
        int sum1 = quantizeSum(x, y.q(), at + SUM_BLOCK, 127 / a);
        setBlock(y, block, a / 127, sum0, sum1);
      } else {
        y.q().asSlice(at, BLOCK).fill((byte) 0);
        setBlock(y, block, finite ? 0 : Float.NaN, 0, 0);
      }
    }
  }

  /** Returns the bits of the maximum magnitude; bits order like magnitudes, with NaN last. */
  private static int maxMagnitude(MemorySegment x, long at) {
    IntVector max = IntVector.zero(INTS);
    for (int i = 0; i < BLOCK; i += LENGTH) {
      max = max.max(Vectors.load(x, at + i).reinterpretAsInts().and(Integer.MAX_VALUE));
    }
    return max.reduceLanes(VectorOperators.MAX);
  }

  /** Quantizes the elements that share a sum, and returns the sum. */
  private static int quantizeSum(MemorySegment x, MemorySegment q, long at, float inverse) {
    IntVector sum = IntVector.zero(INTS);
    for (int i = 0; i < SUM_BLOCK; i += LENGTH) {
      IntVector v = Vectors.round(Vectors.load(x, at + i).mul(inverse));
      Vectors.storeBytes(v, q, at + i);
      sum = sum.add(v);
    }
    return sum.reduceLanes(VectorOperators.ADD);
  }

  @Override
  public void matMul(
      Weights weights, MemorySegment x, MemorySegment y, int rows, int begin, int end) {
    floatMatMul.run(weights, x, y, rows, begin, end);
  }

  @Override
  public void matMul(Weights weights, Quantized x, MemorySegment y, int rows, int begin, int end) {
    quantizedMatMul.run(weights, x, y, rows, begin, end);
  }

  @Override
  public void matMulBf16(
      Weights weights, MemorySegment x, MemorySegment y, int rows, int begin, int end) {
    bf16MatMul.run(weights, x, y, rows, begin, end);
  }

  @Override
  protected void rotateHead(Rope rope, long angles, long at) {
    Rotation rotation = rope.op().rotation();
    int pairs = rotation.width() / 2 / LENGTH * LENGTH;
    if (rotation.pairs() == Rotation.Pairs.INTERLEAVED) {
      VectorRope.rotateInterleaved(rope, angles, at, pairs);
    } else {
      VectorRope.rotateHalves(rope, angles, at, pairs);
    }
    rotatePairs(rope, angles, at, pairs);
  }

  @Override
  public void attention(Attention attention, Batch batch, Share share) {
    vectorAttention.run(attention, batch, share);
  }

  @Override
  public void conv(Convolution conv, Batch batch, int begin, int end) {
    int vectors = begin + (end - begin) / LENGTH * LENGTH;
    VectorConv.run(conv, batch, begin, vectors);
    super.conv(conv, batch, vectors, end);
  }

  @Override
  public void recurrence(Recurrence recurrence, Batch batch, int begin, int end) {
    new VectorRecurrence(recurrence).run(batch, begin, end);
  }

  @Override
  public void activation(
      Op.ActivationKind kind,
      MemorySegment x,
      @Nullable MemorySegment up,
      MemorySegment y,
      long begin,
      long end) {
    activation.activate(kind, x, y, begin, end);
    if (up != null) {
      VectorMath.multiply(y, begin, up, begin, y, begin, end - begin);
    }
  }

  @Override
  public void add(
      MemorySegment a, long a0, MemorySegment b, long b0, MemorySegment y, long y0, long count) {
    VectorMath.add(a, a0, b, b0, y, y0, count);
  }

  @Override
  public void scale(MemorySegment x, float factor, MemorySegment y, long begin, long end) {
    long i = begin;
    for (; i + LENGTH <= end; i += LENGTH) {
      Vectors.store(Vectors.load(x, i).mul(factor), y, i);
    }
    super.scale(x, factor, y, i, end);
  }

  /** Computes vectors of columns. */
  @Override
  public void lowRankUp(
      LowRank update,
      MemorySegment x,
      long at,
      MemorySegment t,
      long tAt,
      MemorySegment y,
      int begin) {
    int n = begin;
    for (; n + LENGTH <= update.n(); n += LENGTH) {
      FloatVector sum = FloatVector.zero(FLOATS);
      for (int j = 0; j < update.rank(); j++) {
        FloatVector b = Vectors.load(update.b(), LowRank.index(update.rank(), n, j));
        sum = b.fma(FloatVector.broadcast(FLOATS, Elements.get(t, tAt + j)), sum);
      }
      Vectors.store(Vectors.load(x, at + n).add(sum), y, at + n);
    }
    super.lowRankUp(update, x, at, t, tAt, y, n);
  }

  /** Computes vectors of columns. */
  @Override
  public void expertSum(
      ExpertOp.ExpertSum op,
      MemorySegment x,
      MemorySegment weights,
      MemorySegment y,
      int row,
      int begin) {
    int k = op.slots();
    int d = op.y().width();
    long first = (long) row * k;
    int i = begin;
    for (; i + LENGTH <= d; i += LENGTH) {
      FloatVector acc = Vectors.load(x, first * d + i).mul(Elements.get(weights, first));
      for (int slot = 1; slot < k; slot++) {
        FloatVector addend = Vectors.load(x, (first + slot) * d + i);
        acc = acc.add(addend.mul(Elements.get(weights, first + slot)));
      }
      Vectors.store(acc, y, (long) row * d + i);
    }
    super.expertSum(op, x, weights, y, row, i);
  }
}
