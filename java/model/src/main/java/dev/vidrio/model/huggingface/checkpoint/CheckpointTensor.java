package dev.vidrio.model.huggingface.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.function.LongToDoubleFunction;

/**
 * A tensor of a checkpoint, with checks of its shape and copies of its elements in another order.
 *
 * @param file the checkpoint, for errors
 */
record CheckpointTensor(String file, SafetensorsTensor tensor) {

  /** A dimension of a copy: its size, and the distance of its elements in the tensor. */
  record Dimension(long size, long step) {}

  List<Long> shape() {
    return tensor.shape();
  }

  long size(int dimension) {
    return tensor.shape().get(dimension);
  }

  MemorySegment data() {
    return tensor.data();
  }

  /** Returns the type of the elements, which must be floats. */
  GgmlType type() {
    return switch (tensor.dtype()) {
      case F32 -> GgmlType.F32;
      case F16 -> GgmlType.F16;
      case BF16 -> GgmlType.BF16;
      default ->
          throw new UnsupportedModelException(
              file,
              "dtype " + tensor.dtype() + " of tensor '" + tensor.name() + "'",
              "supported: " + List.of(Dtype.F32, Dtype.F16, Dtype.BF16));
    };
  }

  /** Checks a condition on the shape. */
  void require(boolean fits, String limit) {
    if (!fits) {
      throw new ModelFileException(
          file, "tensor '" + tensor.name() + "' shape", shape().toString(), limit);
    }
  }

  /**
   * Checks that the tensor is a matrix.
   *
   * @param rows required number of rows; 0 for any
   * @param columns required number of columns; 0 for any
   */
  void requireMatrix(int rows, int columns) {
    require(
        shape().size() == 2
            && (rows == 0 || size(0) == rows)
            && (columns == 0 || size(1) == columns)
            && size(0) <= Config.MAX_SIZE,
        "must be [" + (rows == 0 ? "N" : rows) + ", " + (columns == 0 ? "K" : columns) + "]");
  }

  /** Checks the number of dimensions and that no dimension is 0. */
  void requireDimensions(int dimensions) {
    require(
        shape().size() == dimensions && !shape().contains(0L),
        "must have " + dimensions + " dimensions");
  }

  /** Checks that the tensor is a vector of n elements. */
  void requireVector(int n) {
    require(shape().equals(List.of((long) n)), "must be [" + n + "]");
  }

  /** Returns a size divided by a divisor of it. */
  long divided(int dimension, int divisor) {
    require(size(dimension) % divisor == 0, "must be a multiple of " + divisor);
    return size(dimension) / divisor;
  }

  /** Returns n of the rows, in an order; a vector has rows of one element. */
  MemorySegment rows(int n, IntUnaryOperator source, SegmentAllocator allocator) {
    long bytes = data().byteSize() / size(0);
    MemorySegment target = allocator.allocate(n * bytes);
    for (int row = 0; row < n; row++) {
      MemorySegment.copy(data(), source.applyAsInt(row) * bytes, target, row * bytes, bytes);
    }
    return target;
  }

  /**
   * Returns runs of elements at regular distances.
   *
   * @param run adjacent elements that are copied together
   * @param first first element
   */
  MemorySegment strided(
      long run,
      long first,
      Dimension outer,
      Dimension middle,
      Dimension inner,
      SegmentAllocator to) {
    long bytes = run * tensor.dtype().bytes();
    MemorySegment target = to.allocate(outer.size * middle.size * inner.size * bytes);
    long at = 0;
    for (long i = 0; i < outer.size; i++) {
      for (long j = 0; j < middle.size; j++) {
        for (long k = 0; k < inner.size; k++) {
          long from = first + i * outer.step + j * middle.step + k * inner.step;
          copy(from * tensor.dtype().bytes(), target, at, bytes);
          at += bytes;
        }
      }
    }
    return target;
  }

  private void copy(long from, MemorySegment target, long to, long bytes) {
    if (bytes == Short.BYTES) {
      target.set(JAVA_SHORT_UNALIGNED, to, data().get(JAVA_SHORT_UNALIGNED, from));
    } else if (bytes == Integer.BYTES) {
      target.set(JAVA_INT_UNALIGNED, to, data().get(JAVA_INT_UNALIGNED, from));
    } else {
      MemorySegment.copy(data(), from, target, to, bytes);
    }
  }

  /** Returns computed elements, in f32. */
  static MemorySegment floats(long n, LongToDoubleFunction element, SegmentAllocator allocator) {
    MemorySegment target = allocator.allocate(n * Float.BYTES);
    for (long i = 0; i < n; i++) {
      target.setAtIndex(JAVA_FLOAT_UNALIGNED, i, (float) element.applyAsDouble(i));
    }
    return target;
  }
}
