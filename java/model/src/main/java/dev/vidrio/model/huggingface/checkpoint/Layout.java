package dev.vidrio.model.huggingface.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.TensorSource;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import dev.vidrio.model.huggingface.checkpoint.CheckpointTensor.Dimension;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntToDoubleFunction;
import java.util.function.IntUnaryOperator;
import java.util.function.LongToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * The layout of a tensor in GGUF files, made of tensors of a checkpoint: their checks, the type and
 * the shape of the result, and its data.
 */
public final class Layout {
  private static final int MXFP4_BYTES = 16; // of 32 codes
  private static final Dimension ONE = new Dimension(1, 0);

  /**
   * A tensor of a GGUF file.
   *
   * @param shape the dimensions, outermost first
   */
  record Target(GgmlType type, List<Long> shape, TensorSource.Maker data) {}

  /**
   * The order of the rows of a matrix, for layouts that change nothing else.
   *
   * @param rows number of rows if their order differs, otherwise 0
   * @param source the checkpoint's row of each row, or null if the order is equal
   */
  public record RowOrder(int rows, @Nullable IntUnaryOperator source) {}

  private final Function<List<CheckpointTensor>, Target> maker;
  private final @Nullable RowOrder order;

  private Layout(Function<List<CheckpointTensor>, Target> maker, @Nullable RowOrder order) {
    this.maker = maker;
    this.order = order;
  }

  /** Returns the layout that a function makes of one tensor. */
  private static Layout of(Function<CheckpointTensor, Target> maker) {
    return new Layout(from -> maker.apply(from.getFirst()), null);
  }

  private Layout ordered(int rows, @Nullable IntUnaryOperator source) {
    return new Layout(maker, new RowOrder(rows, source));
  }

  /** Returns the order of rows of a projection, or null if projections are not kept as such. */
  public @Nullable RowOrder order() {
    return order;
  }

  /** Checks tensors of a checkpoint and returns the one made of them. */
  Target of(List<CheckpointTensor> from) {
    return maker.apply(from);
  }

  /** A tensor as it is. */
  public static final Layout AS_IS =
      of(tensor -> new Target(tensor.type(), tensor.shape(), allocator -> tensor.data()))
          .ordered(0, null);

  /** A transposed matrix; a vector as it is. */
  public static final Layout TRANSPOSED = of(Layout::transposed).ordered(0, null);

  /** The gain of a norm that multiplies by 1 + gain, as in Gemma. */
  public static final Layout PLUS_ONE =
      of(tensor -> floats(tensor, tensor.shape(), i -> 1 + tensor.tensor().element(i)));

  /** Tensors of one shape as a stack: the experts of a mixture. */
  public static final Layout STACKED = new Layout(Layout::stacked, null);

  private static Target floats(
      CheckpointTensor tensor, List<Long> shape, LongToDoubleFunction element) {
    tensor.type();
    long n = shape.stream().reduce(1L, Math::multiplyExact);
    return new Target(
        GgmlType.F32, shape, allocator -> CheckpointTensor.floats(n, element, allocator));
  }

  private static Target transposed(CheckpointTensor tensor) {
    if (tensor.shape().size() == 1) {
      return AS_IS.of(List.of(tensor));
    }
    tensor.require(tensor.shape().size() == 2, "must be a matrix");
    var rows = new Dimension(tensor.size(1), 1);
    var columns = new Dimension(tensor.size(0), tensor.size(1));
    return new Target(
        tensor.type(),
        tensor.shape().reversed(),
        allocator -> tensor.strided(1, 0, ONE, rows, columns, allocator));
  }

  private static Target stacked(List<CheckpointTensor> members) {
    SafetensorsTensor first = members.getFirst().tensor();
    for (CheckpointTensor member : members) {
      boolean isLike =
          member.tensor().dtype() == first.dtype() && member.shape().equals(first.shape());
      member.require(isLike, "must be like " + first);
    }
    List<Long> shape = new ArrayList<>(first.shape());
    shape.addFirst((long) members.size());
    return new Target(
        members.getFirst().type(),
        shape,
        allocator -> {
          long bytes = first.data().byteSize();
          MemorySegment target = allocator.allocate(Math.multiplyExact(bytes, members.size()));
          for (int i = 0; i < members.size(); i++) {
            MemorySegment.copy(members.get(i).data(), 0, target, i * bytes, bytes);
          }
          return target;
        });
  }

  /** Returns the layout of constants that are not weights of the checkpoint. */
  static Layout constants(float[] values) {
    return new Layout(
        from ->
            new Target(
                GgmlType.F32,
                List.of((long) values.length),
                allocator ->
                    CheckpointTensor.floats(values.length, i -> values[(int) i], allocator)),
        null);
  }

  /**
   * Returns the layout of rows in another order; a vector has rows of one element.
   *
   * @param rows required number of rows
   * @param source the checkpoint's row of each row
   */
  public static Layout rows(int rows, IntUnaryOperator source) {
    return rows(rows, rows, source).ordered(rows, source);
  }

  /**
   * Returns the layout of n of the rows, in an order.
   *
   * @param rows required number of rows
   * @param source the checkpoint's row of each row
   */
  public static Layout rows(int rows, int n, IntUnaryOperator source) {
    return of(
        tensor -> {
          boolean fits = !tensor.shape().isEmpty() && tensor.size(0) == rows;
          tensor.require(fits, "must have " + rows + " rows");
          List<Long> shape = new ArrayList<>(tensor.shape());
          shape.set(0, (long) n);
          return new Target(tensor.type(), shape, allocator -> tensor.rows(n, source, allocator));
        });
  }

  /**
   * Returns the layout of a matrix times a factor in f32, with its rows in another order.
   *
   * @param source the checkpoint's row of each row, or null if the order is equal
   */
  public static Layout times(double factor, @Nullable IntUnaryOperator source) {
    IntUnaryOperator order = source == null ? IntUnaryOperator.identity() : source;
    return of(
        tensor -> {
          long k = tensor.size(1);
          return floats(
              tensor,
              tensor.shape(),
              i -> factor * tensor.tensor().element(order.applyAsInt((int) (i / k)) * k + i % k));
        });
  }

  /**
   * Returns the layout of a matrix with each row times a factor, rounded to the matrix's type.
   *
   * @param rows required number of rows; 0 for any
   */
  public static Layout scaled(int rows, IntToDoubleFunction factor) {
    return of(
        tensor -> {
          tensor.requireMatrix(rows, 0);
          return new Target(
              tensor.type(),
              tensor.shape(),
              allocator -> scaled(tensor.tensor(), factor, allocator));
        });
  }

  private static MemorySegment scaled(
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

  /**
   * Returns the layout of a matrix with its columns in another order.
   *
   * @param columns required number of columns
   * @param source the checkpoint's column of each column
   */
  public static Layout columns(int columns, IntUnaryOperator source) {
    return of(
        tensor -> {
          tensor.requireMatrix(0, columns);
          int elements = Math.toIntExact(tensor.size(0) * columns);
          var rows =
              new SafetensorsTensor(
                  "", tensor.tensor().dtype(), List.of((long) elements), tensor.data());
          return new Target(
              tensor.type(),
              tensor.shape(),
              allocator ->
                  new CheckpointTensor(tensor.file(), rows)
                      .rows(
                          elements,
                          i -> i / columns * columns + source.applyAsInt(i % columns),
                          allocator));
        });
  }

  /**
   * Returns the layout of the kernels [d, 1, L] of a convolution of each column on its own as a
   * matrix [d, L].
   */
  public static Layout kernels(int d) {
    return kernels(d, IntUnaryOperator.identity());
  }

  /**
   * Returns the layout of {@link #kernels(int)} in another order.
   *
   * @param source the checkpoint's kernel of each row
   */
  public static Layout kernels(int d, IntUnaryOperator source) {
    return of(
        tensor -> {
          boolean fits = tensor.shape().size() == 3 && tensor.size(0) == d && tensor.size(1) == 1;
          tensor.require(fits, "must be [" + d + ", 1, L]");
          List<Long> shape = List.of(tensor.size(0), tensor.size(2));
          return new Target(tensor.type(), shape, allocator -> tensor.rows(d, source, allocator));
        });
  }

  /** Returns the layout of a vector of n logarithms of decay rates as a matrix [n, 1] of rates. */
  public static Layout rates(int n) {
    return rates(n, List.of((long) n, 1L), IntUnaryOperator.identity());
  }

  /**
   * Returns the layout of a vector of n logarithms of decay rates as negative rates.
   *
   * @param source the checkpoint's element of each element
   */
  public static Layout rates(int n, IntUnaryOperator source) {
    return rates(n, List.of((long) n), source);
  }

  private static Layout rates(int n, List<Long> shape, IntUnaryOperator source) {
    return of(
        tensor -> {
          tensor.requireVector(n);
          return floats(
              tensor,
              shape,
              i -> -StrictMath.exp(tensor.tensor().element(source.applyAsInt((int) i))));
        });
  }

  /**
   * Returns the layout of a vector of n decay rates before their softplus as negative rates.
   *
   * @param factor of the softplus
   */
  public static Layout softplusRates(int n, double factor) {
    return of(
        tensor -> {
          tensor.requireVector(n);
          return floats(
              tensor,
              List.of((long) n),
              i -> {
                double x = tensor.tensor().element(i);
                double tail = StrictMath.log1p(StrictMath.exp(-Math.abs(x)));
                return -factor * (Math.max(x, 0) + tail);
              });
        });
  }

  /** Returns the layout of a vector of n · k elements as a matrix [n, k]. */
  public static Layout folded(int n, int k) {
    return of(
        tensor -> {
          tensor.requireVector(Math.multiplyExact(n, k));
          List<Long> shape = List.of((long) n, (long) k);
          return new Target(tensor.type(), shape, allocator -> tensor.data());
        });
  }

  /** Returns the layout of a matrix [E · N, K] as a stack [E, N, K]. */
  public static Layout split(int count) {
    return of(tensor -> AS_IS.of(List.of(stack(tensor, count))));
  }

  /** Returns the layout of a matrix [E · K, N] as a stack [E, N, K]. */
  public static Layout splitColumns(int count) {
    return of(tensor -> columns(stack(tensor, count), 0, 1, 1));
  }

  private static CheckpointTensor stack(CheckpointTensor tensor, int count) {
    tensor.requireDimensions(2);
    List<Long> shape = List.of((long) count, tensor.divided(0, count), tensor.size(1));
    SafetensorsTensor t = tensor.tensor();
    return new CheckpointTensor(
        tensor.file(), new SafetensorsTensor(t.name(), t.dtype(), shape, t.data()));
  }

  /**
   * Returns the layout of half of a matrix [2N, K], or of each of a stack [E, 2N, K].
   *
   * @param index 0 for the upper rows, 1 for the lower
   */
  static Layout half(int index) {
    return of(
        tensor -> {
          int rows = tensor.shape().size() - 2;
          tensor.require(
              (rows == 0 || rows == 1) && tensor.size(rows) % 2 == 0,
              "must be a matrix, or a stack of them, with an even number of rows");
          List<Long> shape = new ArrayList<>(tensor.shape());
          shape.set(rows, tensor.size(rows) / 2);
          long run = shape.get(rows) * shape.get(rows + 1);
          var matrices = new Dimension(rows == 0 ? 1 : tensor.size(0), 2 * run);
          return new Target(
              tensor.type(),
              shape,
              allocator -> tensor.strided(run, index * run, ONE, ONE, matrices, allocator));
        });
  }

  /**
   * Returns the layout of the first rows of each head of a matrix [H · (first + rest), K],
   * transposed: [H, K, first].
   */
  public static Layout firstOfHeads(int heads, int first) {
    return of(
        tensor -> {
          long n = rowsOfHead(tensor, heads, first);
          long k = tensor.size(1);
          return new Target(
              tensor.type(),
              List.of((long) heads, k, (long) first),
              allocator ->
                  tensor.strided(
                      1,
                      0,
                      new Dimension(heads, n * k),
                      new Dimension(k, 1),
                      new Dimension(first, k),
                      allocator));
        });
  }

  /** Returns the layout of the rows after the first of each head: [H, rest, K]. */
  public static Layout restOfHeads(int heads, int first) {
    return of(
        tensor -> {
          long n = rowsOfHead(tensor, heads, first);
          long k = tensor.size(1);
          var each = new Dimension(heads, n * k);
          return new Target(
              tensor.type(),
              List.of((long) heads, n - first, k),
              allocator -> tensor.strided((n - first) * k, first * k, ONE, ONE, each, allocator));
        });
  }

  private static long rowsOfHead(CheckpointTensor tensor, int heads, int first) {
    tensor.require(
        tensor.shape().size() == 2 && tensor.size(0) % heads == 0 && tensor.size(0) / heads > first,
        "must be a matrix with more than " + first + " rows for each head");
    return tensor.size(0) / heads;
  }

  /**
   * Returns the layout of each {@code step}-th column, from {@code first} on, of a stack of
   * matrices [E, K, N] as the rows of a stack [E, N / step, K].
   */
  public static Layout columns(int first, int step) {
    return of(
        tensor -> {
          tensor.requireDimensions(3);
          return columns(tensor, first, step, step);
        });
  }

  /**
   * Returns the layout of half of the columns of a stack of matrices [E, K, 2N] as the rows of a
   * stack [E, N, K].
   *
   * @param index 0 for the left columns, 1 for the right
   */
  public static Layout columnHalf(int index) {
    return of(
        tensor -> {
          tensor.requireDimensions(3);
          return columns(tensor, index * tensor.divided(2, 2), 1, 2);
        });
  }

  /** Takes one of {@code parts} columns. */
  private static Target columns(CheckpointTensor tensor, long first, int step, int parts) {
    long n = tensor.divided(2, parts);
    long k = tensor.size(1);
    var matrices = new Dimension(tensor.size(0), k * tensor.size(2));
    var rows = new Dimension(n, step);
    var elements = new Dimension(k, tensor.size(2));
    return new Target(
        tensor.type(),
        List.of(tensor.size(0), n, k),
        allocator -> tensor.strided(1, first, matrices, rows, elements, allocator));
  }

  /** Returns the layout of each {@code step}-th element, from {@code first} on, of each row. */
  public static Layout elements(int first, int step) {
    return of(
        tensor -> {
          tensor.requireDimensions(2);
          long n = tensor.divided(1, step);
          var elements = new Dimension(tensor.size(0) * n, step);
          return new Target(
              tensor.type(),
              List.of(tensor.size(0), n),
              allocator -> tensor.strided(1, first, ONE, ONE, elements, allocator));
        });
  }

  /**
   * Returns the layout of each {@code step}-th row, from {@code first} on, of a stack of matrices
   * of MXFP4, with codes [E, N, B, 16] and exponents [E, N, B] as two tensors. Blocks of GGUF have
   * the exponent, then 16 bytes; byte j has the codes of elements j and j + 16. In the checkpoint,
   * byte j has those of 2j and 2j + 1.
   */
  public static Layout mxfp4(int first, int step) {
    return new Layout(
        from -> {
          CheckpointTensor codes = from.getFirst();
          SafetensorsTensor scales = from.getLast().tensor();
          codes.requireDimensions(4);
          List<Long> shape = codes.shape();
          codes.require(
              codes.tensor().dtype() == Dtype.U8
                  && shape.get(3) == MXFP4_BYTES
                  && scales.dtype() == Dtype.U8
                  && scales.shape().equals(shape.subList(0, 3)),
              "must be U8 [E, N, B, 16] beside U8 scales [E, N, B]");
          long k = shape.get(2) * GgmlType.MXFP4.blockElements();
          return new Target(
              GgmlType.MXFP4,
              List.of(shape.get(0), codes.divided(1, step), k),
              allocator -> mxfp4(codes.tensor(), scales, first, step, allocator));
        },
        null);
  }

  private static MemorySegment mxfp4(
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
}
