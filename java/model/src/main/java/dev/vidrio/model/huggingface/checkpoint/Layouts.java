package dev.vidrio.model.huggingface.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.function.IntUnaryOperator;

/** Layouts of weights that differ between GGUF files and checkpoints of transformers. */
public final class Layouts {

  /** Bytes of 32 codes of MXFP4. */
  static final int MXFP4_BYTES = 16;

  private Layouts() {}

  /**
   * Returns the order of rows of a query or key projection that makes RoPE pairs adjacent: the
   * checkpoint pairs element i of a head with i + d_h/2, GGUF files of some architectures 2i with
   * 2i + 1.
   *
   * @return the checkpoint's row of each row
   */
  public static IntUnaryOperator interleavedPairs(int dH) {
    return row -> row / dH * dH + row % dH / 2 + row % 2 * (dH / 2);
  }

  /**
   * Returns the order of rows of a fused projection that puts all queries first, then all keys,
   * then all values; the checkpoint has, per key-value head, its queries, its key and its value.
   *
   * @return the checkpoint's row of each row
   */
  public static IntUnaryOperator queriesThenKeysThenValues(int heads, int kvHeads, int dH) {
    int group = heads / kvHeads;
    return row -> {
      int head = row / dH;
      int kvHead = head < heads ? head / group : (head - heads) % kvHeads;
      int place = head < heads ? head % group : group + (head - heads) / kvHeads;
      return (kvHead * (group + 2) + place) * dH + row % dH;
    };
  }

  /**
   * Returns the order that takes some rows of each head.
   *
   * @param first first row of a head that is taken
   * @param n rows that are taken per head
   * @param stride rows per head
   * @return the checkpoint's row of each row
   */
  public static IntUnaryOperator rowsOfHeads(int first, int n, int stride) {
    return row -> row / n * stride + first + row % n;
  }

  /**
   * Returns the order of rows of value heads that interleaves key heads; the checkpoint has the
   * value heads of a key head adjacent.
   *
   * @param keyHeads number of key heads
   * @param heads number of value heads
   * @param n rows of a value head
   * @return the checkpoint's row of each row
   */
  public static IntUnaryOperator tiledHeads(int keyHeads, int heads, int n) {
    return row -> {
      int head = row / n;
      return (head % keyHeads * (heads / keyHeads) + head / keyHeads) * n + row % n;
    };
  }

  /** Reorders rows; a vector has rows of one element. */
  static MemorySegment rows(
      SafetensorsTensor tensor, IntUnaryOperator source, SegmentAllocator allocator) {
    return rows(tensor, Math.toIntExact(tensor.shape().getFirst()), source, allocator);
  }

  /** Takes n of the rows, in an order. */
  static MemorySegment rows(
      SafetensorsTensor tensor, int n, IntUnaryOperator source, SegmentAllocator allocator) {
    MemorySegment data = tensor.data();
    long rowBytes = data.byteSize() / tensor.shape().getFirst();
    MemorySegment target = allocator.allocate(n * rowBytes);
    for (int row = 0; row < n; row++) {
      MemorySegment.copy(data, source.applyAsInt(row) * rowBytes, target, row * rowBytes, rowBytes);
    }
    return target;
  }

  /** Reorders the columns of a matrix. */
  static MemorySegment orderedColumns(
      SafetensorsTensor tensor, IntUnaryOperator source, SegmentAllocator allocator) {
    MemorySegment target = allocator.allocate(tensor.data().byteSize());
    int bytes = tensor.dtype().bytes();
    int columns = Math.toIntExact(tensor.shape().get(1));
    for (long row = 0; row < tensor.shape().get(0); row++) {
      for (int column = 0; column < columns; column++) {
        long from = row * columns + source.applyAsInt(column);
        long to = row * columns + column;
        MemorySegment.copy(tensor.data(), from * bytes, target, to * bytes, bytes);
      }
    }
    return target;
  }

  /** Transposes a matrix [K, N] to [N, K]. */
  static MemorySegment transposed(SafetensorsTensor tensor, SegmentAllocator allocator) {
    MemorySegment data = tensor.data();
    MemorySegment target = allocator.allocate(data.byteSize());
    long k = tensor.shape().get(0);
    long n = tensor.shape().get(1);
    boolean isWide = tensor.dtype().bytes() == Float.BYTES;
    for (long row = 0; row < n; row++) {
      for (long column = 0; column < k; column++) {
        long from = column * n + row;
        long to = row * k + column;
        if (isWide) {
          target.setAtIndex(JAVA_INT_UNALIGNED, to, data.getAtIndex(JAVA_INT_UNALIGNED, from));
        } else {
          short element = data.getAtIndex(JAVA_SHORT_UNALIGNED, from);
          target.setAtIndex(JAVA_SHORT_UNALIGNED, to, element);
        }
      }
    }
    return target;
  }

  /** Returns the first rows of each head of a matrix [H · n, K], transposed: [H, K, first]. */
  static MemorySegment firstOfHeads(
      SafetensorsTensor tensor, int heads, int first, SegmentAllocator allocator) {
    long n = tensor.shape().get(0) / heads;
    long k = tensor.shape().get(1);
    int bytes = tensor.dtype().bytes();
    MemorySegment target = allocator.allocate(heads * k * first * bytes);
    for (long head = 0; head < heads; head++) {
      for (long column = 0; column < k; column++) {
        for (long row = 0; row < first; row++) {
          long from = (head * n + row) * k + column;
          long to = (head * k + column) * first + row;
          MemorySegment.copy(tensor.data(), from * bytes, target, to * bytes, bytes);
        }
      }
    }
    return target;
  }

  /** Returns the rows after the first of each head of a matrix [H · n, K]. */
  static MemorySegment othersOfHeads(
      SafetensorsTensor tensor, int heads, int first, SegmentAllocator allocator) {
    long n = tensor.shape().get(0) / heads;
    long rowBytes = tensor.shape().get(1) * tensor.dtype().bytes();
    long bytes = (n - first) * rowBytes;
    MemorySegment target = allocator.allocate(heads * bytes);
    for (long head = 0; head < heads; head++) {
      long from = (head * n + first) * rowBytes;
      MemorySegment.copy(tensor.data(), from, target, head * bytes, bytes);
    }
    return target;
  }

  /**
   * Returns each {@code step}-th column, from {@code first} on, of a stack of matrices [E, K, N] as
   * a row: [E, n, K].
   */
  static MemorySegment columns(
      SafetensorsTensor tensor, long n, long first, int step, SegmentAllocator allocator) {
    long experts = tensor.shape().get(0);
    long k = tensor.shape().get(1);
    long all = tensor.shape().get(2);
    int bytes = tensor.dtype().bytes();
    MemorySegment target = allocator.allocate(experts * n * k * bytes);
    for (long e = 0; e < experts; e++) {
      for (long row = 0; row < n; row++) {
        for (long column = 0; column < k; column++) {
          long from = (e * k + column) * all + first + row * step;
          long to = (e * n + row) * k + column;
          MemorySegment.copy(tensor.data(), from * bytes, target, to * bytes, bytes);
        }
      }
    }
    return target;
  }

  /** Returns each {@code step}-th element of each row of a matrix. */
  static MemorySegment elements(
      SafetensorsTensor tensor, int first, int step, SegmentAllocator allocator) {
    int bytes = tensor.dtype().bytes();
    long count = tensor.data().byteSize() / bytes / step;
    MemorySegment target = allocator.allocate(count * bytes);
    for (long i = 0; i < count; i++) {
      MemorySegment.copy(tensor.data(), (first + i * step) * bytes, target, i * bytes, bytes);
    }
    return target;
  }

  /**
   * Returns each {@code step}-th row of a stack of MXFP4 matrices in blocks of GGUF: the exponent,
   * then 16 bytes, of which byte j has the codes of elements j and j + 16; the checkpoint has those
   * of 2j and 2j + 1.
   *
   * @param codes [E, N, B, 16]
   * @param scales [E, N, B]
   */
  static MemorySegment mxfp4(
      SafetensorsTensor codes,
      SafetensorsTensor scales,
      int first,
      int step,
      SegmentAllocator allocator) {
    long blocks = codes.shape().get(2);
    long rows = codes.shape().get(0) * codes.shape().get(1) / step;
    MemorySegment target = allocator.allocate(rows * blocks * (1 + MXFP4_BYTES));
    for (long i = 0; i < rows * blocks; i++) {
      long from = (first + i / blocks * step) * blocks + i % blocks;
      long to = i * (1 + MXFP4_BYTES);
      target.set(JAVA_BYTE, to, scales.data().get(JAVA_BYTE, from));
      for (int j = 0; j < MXFP4_BYTES; j++) {
        int low = code(codes.data(), from, j);
        int high = code(codes.data(), from, j + MXFP4_BYTES);
        target.set(JAVA_BYTE, to + 1 + j, (byte) (low | high << 4));
      }
    }
    return target;
  }

  private static int code(MemorySegment codes, long block, int element) {
    int pair = codes.get(JAVA_BYTE, block * MXFP4_BYTES + element / 2);
    return pair >> (element % 2 * 4) & 15;
  }

  /** Adds 1 to each element, in f32: the norms of Gemma multiply by 1 + gain. */
  static MemorySegment plusOne(SafetensorsTensor tensor, SegmentAllocator allocator) {
    MemorySegment target = widened(tensor, allocator);
    for (long i = 0; i < target.byteSize() / Float.BYTES; i++) {
      target.setAtIndex(JAVA_FLOAT_UNALIGNED, i, 1 + target.getAtIndex(JAVA_FLOAT_UNALIGNED, i));
    }
    return target;
  }

  /** Returns negative exponentials of the elements, reordered, in f32. */
  static MemorySegment rates(
      SafetensorsTensor tensor, IntUnaryOperator source, SegmentAllocator allocator) {
    int n = Math.toIntExact(tensor.shape().getFirst());
    MemorySegment target = allocator.allocate((long) n * Float.BYTES);
    for (int i = 0; i < n; i++) {
      float rate = (float) -StrictMath.exp(tensor.element(source.applyAsInt(i)));
      target.setAtIndex(JAVA_FLOAT_UNALIGNED, i, rate);
    }
    return target;
  }

  /** Returns the softplus of the elements, times a factor and negative, in f32. */
  static MemorySegment softplusRates(
      SafetensorsTensor tensor, double factor, SegmentAllocator allocator) {
    MemorySegment target = widened(tensor, allocator);
    for (long i = 0; i < target.byteSize() / Float.BYTES; i++) {
      double x = target.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
      double softplus = Math.max(x, 0) + StrictMath.log1p(StrictMath.exp(-Math.abs(x)));
      target.setAtIndex(JAVA_FLOAT_UNALIGNED, i, (float) (-factor * softplus));
    }
    return target;
  }

  /** The elements times a factor, in f32. */
  static SafetensorsTensor times(
      SafetensorsTensor tensor, double factor, SegmentAllocator allocator) {
    MemorySegment target = widened(tensor, allocator);
    for (long i = 0; i < target.byteSize() / Float.BYTES; i++) {
      double product = factor * target.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
      target.setAtIndex(JAVA_FLOAT_UNALIGNED, i, (float) product);
    }
    return new SafetensorsTensor(tensor.name(), Dtype.F32, tensor.shape(), target);
  }

  /** Each row times a factor, in the matrix's type. */
  static MemorySegment scaled(
      SafetensorsTensor matrix, IntToDoubleFunction factor, SegmentAllocator allocator) {
    MemorySegment target = allocator.allocate(matrix.data().byteSize());
    long k = matrix.shape().getLast();
    for (int row = 0; row < matrix.shape().getFirst(); row++) {
      double times = factor.applyAsDouble(row);
      for (long i = row * k; i < (row + 1) * k; i++) {
        put(matrix.dtype(), target, i, (float) (times * matrix.element(i)));
      }
    }
    return target;
  }

  private static void put(Dtype type, MemorySegment target, long index, float value) {
    switch (type) {
      case F32 -> target.setAtIndex(JAVA_FLOAT_UNALIGNED, index, value);
      case F16 -> target.setAtIndex(JAVA_SHORT_UNALIGNED, index, Float.floatToFloat16(value));
      case BF16 -> target.setAtIndex(JAVA_SHORT_UNALIGNED, index, bfloat(value));
      default -> throw new IllegalArgumentException(type.name());
    }
  }

  /** The bfloat nearest to a float, of two the even one; not for NaN. */
  private static short bfloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
  }

  /** The elements in f32, exactly. */
  static MemorySegment widened(SafetensorsTensor tensor, SegmentAllocator allocator) {
    long elements = tensor.data().byteSize() / tensor.dtype().bytes();
    MemorySegment target = allocator.allocate(elements * Float.BYTES);
    for (long i = 0; i < elements; i++) {
      target.setAtIndex(JAVA_FLOAT_UNALIGNED, i, tensor.element(i));
    }
    return target;
  }

  /** Adds tensors of the same shape one behind the other: the experts of a mixture. */
  static MemorySegment stacked(List<SafetensorsTensor> tensors, SegmentAllocator allocator) {
    long bytes = tensors.getFirst().data().byteSize();
    MemorySegment target = allocator.allocate(Math.multiplyExact(bytes, tensors.size()));
    for (int i = 0; i < tensors.size(); i++) {
      MemorySegment.copy(tensors.get(i).data(), 0, target, i * bytes, bytes);
    }
    return target;
  }

  /** Constants that are not weights of the checkpoint. */
  static MemorySegment floats(float[] values, SegmentAllocator allocator) {
    MemorySegment target = allocator.allocate((long) values.length * Float.BYTES);
    for (int i = 0; i < values.length; i++) {
      target.setAtIndex(JAVA_FLOAT_UNALIGNED, i, values[i]);
    }
    return target;
  }

  /** Half of a matrix [2N, K], or of each of a stack [E, 2N, K]: the first or the second N rows. */
  static MemorySegment half(SafetensorsTensor tensor, int index, SegmentAllocator allocator) {
    MemorySegment data = tensor.data();
    long experts = tensor.shape().size() == 2 ? 1 : tensor.shape().getFirst();
    long bytes = data.byteSize() / experts / 2;
    MemorySegment target = allocator.allocate(bytes * experts);
    for (long e = 0; e < experts; e++) {
      MemorySegment.copy(
          data, JAVA_BYTE, (2 * e + index) * bytes, target, JAVA_BYTE, e * bytes, bytes);
    }
    return target;
  }
}
