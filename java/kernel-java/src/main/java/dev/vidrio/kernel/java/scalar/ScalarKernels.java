package dev.vidrio.kernel.java.scalar;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.execution.Workspace.Quantized;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.RowBlock;
import dev.vidrio.kernel.java.runtime.Attention;
import dev.vidrio.kernel.java.runtime.Convolution;
import dev.vidrio.kernel.java.runtime.Recurrence;
import dev.vidrio.kernel.java.runtime.Rope;
import dev.vidrio.kernel.java.runtime.Share;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of docs/numerics.md in scalar Java: the reference that all other kernels must equal
 * bit for bit. Each computes an item, or a range [begin, end), of its outputs in the unit that its
 * comment names. Activations are f32 in row-major order. An instance serves one worker and may keep
 * scratch memory; it is not thread-safe.
 */
public class ScalarKernels {
  /** The maximum magnitude below which a block is quantized to zero. */
  public static final float TINY = 0x1p-100f;

  private static final int BLOCK = QuantizedBuffer.BLOCK;

  private final LaneSum sum = new LaneSum();
  private final ScalarMatMul matMul = new ScalarMatMul();
  private final ScalarAttention scalarAttention = new ScalarAttention();
  private final ScalarTopK topK;

  /** Creates scalar kernels. */
  public ScalarKernels() {
    this(new ScalarTopK());
  }

  /** Creates kernels with another top-k. */
  protected ScalarKernels(ScalarTopK topK) {
    this.topK = topK;
  }

  /** Computes a row of y [tokens, d]. */
  public void embed(Op.Embed op, Batch batch, MemorySegment y, int row) {
    int d = op.table().k();
    int from = op.row(batch.token(row), batch.position(row), batch.type(row));
    for (int k = 0; k < d; k++) {
      Elements.set(y, (long) row * d + k, element(op.table(), from, k));
    }
  }

  private static float element(Weights table, int row, int k) {
    WeightType type = table.type();
    long index = (long) row * table.k() + k;
    if (!type.quantized()) {
      return Elements.get(type, table.data(), index);
    }
    int elements = type.blockElements();
    var block = new RowBlock(type, table.data(), index / elements * type.blockBytes());
    return block.element(k % elements);
  }

  /**
   * Normalizes a head; heads are counted over all rows.
   *
   * @return the divisor
   */
  public float norm(Op.Norm op, MemorySegment x, MemorySegment y, int head) {
    int d = op.d();
    long at = (long) head * d;
    int offset = op.affineOffset(head);
    float center = op.kind() == Op.NormKind.LAYER ? mean(x, at, d, sum) : 0;
    float scale = (float) Math.sqrt(meanSquare(x, at, d, center, sum) + op.epsilon());
    float inverse = 1 / scale;
    for (int i = 0; i < d; i++) {
      float normalized = (Elements.get(x, at + i) - center) * inverse;
      Elements.set(y, at + i, affine(op.gain(), op.bias(), normalized, offset + i));
    }
    return scale;
  }

  /** Returns the mean of d elements, computed with the given lane sum. */
  static float mean(MemorySegment x, long at, int d, LaneSum sum) {
    sum.clear();
    for (int i = 0; i < d; i++) {
      sum.add(i, Elements.get(x, at + i));
    }
    return sum.merge() / d;
  }

  /** Returns the mean square of the distances of d elements from the center. */
  static float meanSquare(MemorySegment x, long at, int d, float center, LaneSum sum) {
    sum.clear();
    for (int i = 0; i < d; i++) {
      float c = Elements.get(x, at + i) - center;
      sum.fma(i, c, c);
    }
    return sum.merge() / d;
  }

  /** Applies element i of gain and bias to a normalized element. */
  public static float affine(
      @Nullable Weights gains, @Nullable Weights bias, float normalized, int i) {
    float gain = gains == null ? 1 : Elements.get(gains.data(), i);
    return bias == null
        ? normalized * gain
        : Math.fma(normalized, gain, Elements.get(bias.data(), i));
  }

  /** Computes blocks of 32 elements. */
  public void quantize(MemorySegment x, Quantized y, int begin, int end) {
    for (int block = begin; block < end; block++) {
      long at = (long) block * BLOCK;
      float a = 0;
      for (int i = 0; i < BLOCK; i++) {
        a = Math.max(a, Math.abs(Elements.get(x, at + i)));
      }
      boolean finite = a <= Float.MAX_VALUE;
      boolean zero = !finite || a < TINY;
      float inverse = 127 / a;
      var sums = new int[2];
      for (int i = 0; i < BLOCK; i++) {
        int q = zero ? 0 : (int) Math.rint(Elements.get(x, at + i) * inverse);
        y.q().set(JAVA_BYTE, at + i, (byte) q);
        sums[i / QuantizedBuffer.SUM_BLOCK] += q;
      }
      setBlock(y, block, finite ? zero ? 0 : a / 127 : Float.NaN, sums[0], sums[1]);
    }
  }

  /** Sets the scale and the sums of a quantized block. */
  public static void setBlock(Quantized y, int block, float scale, int sum0, int sum1) {
    Elements.set(y.scale(), block, scale);
    y.sum().setAtIndex(JAVA_INT, 2L * block, sum0);
    y.sum().setAtIndex(JAVA_INT, 2L * block + 1, sum1);
    Elements.set(y.scaledSum(), block, scale * (sum0 + sum1));
  }

  /** Computes groups of 16 columns of y: all rows of x [rows, K] by floating-point weights. */
  public void matMul(
      Weights weights, MemorySegment x, MemorySegment y, int rows, int begin, int end) {
    int last = Math.min(weights.n(), end * Packing.ROWS);
    for (int m = 0; m < rows; m++) {
      for (int n = begin * Packing.ROWS; n < last; n++) {
        Elements.set(y, (long) m * weights.n() + n, matMul.dot(weights, n, x, m));
      }
    }
  }

  /** Computes groups of 16 columns of y: all rows of x [rows, K] by weights of any type in bf16. */
  public void matMulBf16(
      Weights weights, MemorySegment x, MemorySegment y, int rows, int begin, int end) {
    float[][] activations = ScalarBf16MatMul.activations(x, rows, weights.k());
    int last = Math.min(weights.n(), end * Packing.ROWS);
    for (int n = begin * Packing.ROWS; n < last; n++) {
      float[] row = ScalarBf16MatMul.weights(weights, n);
      for (int m = 0; m < rows; m++) {
        float dot = ScalarBf16MatMul.dot(activations[m], row);
        Elements.set(y, (long) m * weights.n() + n, dot);
      }
    }
  }

  /** Computes groups of 16 columns of y: all rows of x [rows, K], which is not quantized. */
  public final void matMul(
      Arithmetic arithmetic,
      Weights weights,
      MemorySegment x,
      MemorySegment y,
      int rows,
      int begin,
      int end) {
    switch (arithmetic) {
      case INT8 -> matMul(weights, x, y, rows, begin, end);
      case BF16 -> matMulBf16(weights, x, y, rows, begin, end);
    }
  }

  /** Computes groups of 16 columns of y: all rows of x [rows, K] by packed weights. */
  public void matMul(Weights weights, Quantized x, MemorySegment y, int rows, int begin, int end) {
    int last = Math.min(weights.n(), end * Packing.ROWS);
    for (int n = begin * Packing.ROWS; n < last; n++) {
      var row = new ScalarMatMul.Row(weights, n);
      for (int m = 0; m < rows; m++) {
        Elements.set(y, (long) m * weights.n() + n, row.dot(x, m));
      }
    }
  }

  /** Computes a head; head h of token i has index i · heads + h. */
  public final void rope(Rope rope, Batch batch, int head) {
    int dH = rope.op().dH();
    int rotated = rope.op().rotation().width();
    long at = (long) head * dH;
    long angles = (long) batch.position(head / rope.op().heads()) * (rotated / 2);
    rotateHead(rope, angles, at);
    Elements.copy(rope.x(), at + rotated, rope.y(), at + rotated, dH - rotated);
  }

  /** Rotates the head that begins at element {@code at}, by the angles from {@code angles} on. */
  protected void rotateHead(Rope rope, long angles, long at) {
    rotatePairs(rope, angles, at, 0);
  }

  /** Rotates the pairs of a head from {@code firstPair} on. */
  protected static void rotatePairs(Rope rope, long angles, long at, int firstPair) {
    Rotation rotation = rope.op().rotation();
    int pairs = rotation.width() / 2;
    boolean interleaved = rotation.pairs() == Rotation.Pairs.INTERLEAVED;
    for (int j = firstPair; j < pairs; j++) {
      long i0 = at + (interleaved ? 2 * j : j);
      long i1 = interleaved ? i0 + 1 : i0 + pairs;
      float x0 = Elements.get(rope.x(), i0);
      float x1 = Elements.get(rope.x(), i1);
      float cos = Elements.get(rope.table().cos(), angles + j);
      float sin = Elements.get(rope.table().sin(), angles + j);
      Elements.set(rope.y(), i0, Math.fma(x0, cos, -(x1 * sin)));
      Elements.set(rope.y(), i1, Math.fma(x0, sin, x1 * cos));
    }
  }

  /** Computes the (token, head) pairs of this worker. */
  public void attention(Attention attention, Batch batch, Share share) {
    int heads = attention.op().heads();
    // Interleaved among workers, since later tokens attend to more positions.
    for (int i = share.worker(); i < batch.tokenCount() * heads; i += share.workers()) {
      scalarAttention.attend(attention, batch, i / heads, i % heads);
    }
  }

  /** Computes columns, for all tokens. */
  public void conv(Convolution conv, Batch batch, int begin, int end) {
    MemorySegment kernel = conv.op().kernel().data();
    MemorySegment rows = conv.cache().rows();
    for (int i = 0; i < batch.tokenCount(); i++) {
      int sequence = batch.sequence(i);
      int position = batch.position(i);
      long at = (long) i * conv.width();
      long own = conv.cache().row(batch, sequence, position);
      for (int c = begin; c < end; c++) {
        Elements.set(rows, own + c, Elements.get(conv.x(), at + c));
        float sum = 0;
        for (int t = conv.op().first(position); t <= position; t++) {
          float weight = Elements.get(kernel, conv.weights(position - t) + c);
          float x = Elements.get(rows, conv.cache().row(batch, sequence, t) + c);
          sum = Math.fma(weight, x, sum);
        }
        Elements.set(conv.y(), at + c, sum);
      }
    }
  }

  /** Computes heads, for all tokens. */
  public void recurrence(Recurrence recurrence, Batch batch, int begin, int end) {
    new ScalarRecurrence(recurrence).run(batch, begin, end);
  }

  /** Computes elements {@code y = f(x)}, or {@code f(x) · up} unless up is null. */
  public void activation(
      Op.ActivationKind kind,
      MemorySegment x,
      @Nullable MemorySegment up,
      MemorySegment y,
      long begin,
      long end) {
    for (long i = begin; i < end; i++) {
      float f = ScalarActivation.activate(kind, Elements.get(x, i));
      Elements.set(y, i, up == null ? f : f * Elements.get(up, i));
    }
  }

  /** Computes {@code y[y0 + i] = a[a0 + i] + b[b0 + i]} for i in [0, count). */
  public void add(
      MemorySegment a, long a0, MemorySegment b, long b0, MemorySegment y, long y0, long count) {
    for (long i = 0; i < count; i++) {
      Elements.set(y, y0 + i, Elements.get(a, a0 + i) + Elements.get(b, b0 + i));
    }
  }

  /** Computes elements {@code y = factor · x}. */
  public void scale(MemorySegment x, float factor, MemorySegment y, long begin, long end) {
    for (long i = begin; i < end; i++) {
      Elements.set(y, i, factor * Elements.get(x, i));
    }
  }

  /**
   * Computes a row {@code y = x + B · t} from column {@code begin} on; x and y begin at element
   * {@code at}, t at {@code tAt}.
   */
  public void lowRankUp(
      LowRank update,
      MemorySegment x,
      long at,
      MemorySegment t,
      long tAt,
      MemorySegment y,
      int begin) {
    for (int n = begin; n < update.n(); n++) {
      float sum = 0;
      for (int j = 0; j < update.rank(); j++) {
        float b = Elements.get(update.b(), LowRank.index(update.rank(), n, j));
        sum = Math.fma(Elements.get(t, tAt + j), b, sum);
      }
      Elements.set(y, at + n, Elements.get(x, at + n) + sum);
    }
  }

  /**
   * Computes a row of y [rows, d], from column {@code begin} on, from x [rows, k, d] and weights
   * [rows, k].
   */
  public void expertSum(
      ExpertOp.ExpertSum op,
      MemorySegment x,
      MemorySegment weights,
      MemorySegment y,
      int row,
      int begin) {
    int k = op.slots();
    int d = op.y().width();
    for (int i = begin; i < d; i++) {
      float acc = 0;
      for (int slot = 0; slot < k; slot++) {
        long at = (long) row * k + slot;
        float product = Elements.get(weights, at) * Elements.get(x, at * d + i);
        acc = slot == 0 ? product : acc + product;
      }
      Elements.set(y, (long) row * d + i, acc);
    }
  }

  /** Copies a row of y [logits, width]. */
  public static void gather(Batch batch, MemorySegment x, MemorySegment y, int width, int row) {
    Elements.copy(x, (long) batch.logitRow(row) * width, y, (long) row * width, width);
  }

  /** Returns the kernels of top-k. */
  public final ScalarTopK topK() {
    return topK;
  }
}
