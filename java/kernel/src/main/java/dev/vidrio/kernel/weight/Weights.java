package dev.vidrio.kernel.weight;

import static dev.vidrio.kernel.argument.Arguments.require;

import java.lang.foreign.MemorySegment;

/**
 * A weight matrix [N, K] in off-heap memory: {@code y = x · Wᵀ} maps K inputs to N outputs. A
 * vector has N = 1. The record does not own the memory.
 *
 * @param name the tensor's name in the model file
 * @param type the element type
 * @param layout the layout of the elements in {@code data}
 * @param n rows, the outputs of a product
 * @param k elements of a row
 * @param data the bytes of the matrix, no more and no less
 */
public record Weights(
    String name, WeightType type, Layout layout, int n, int k, MemorySegment data) {

  /** The layout of a matrix in memory. */
  public enum Layout {
    /** Row-major, as in GGUF files. */
    ROWS,
    /** Groups of 16 interleaved rows, as defined by {@link Packing}. */
    PACKED
  }

  public Weights {
    require(n > 0 && k > 0, name + ": shape [" + n + ", " + k + "] must be positive");
    long expected =
        layout == Layout.PACKED
            ? Packing.bytes(type, n, k)
            : Math.multiplyExact((long) n, type.bytes(k));
    require(
        data.byteSize() == expected,
        name + ": " + data.byteSize() + " bytes of data, but its shape needs " + expected);
  }

  /** Returns whether this is a vector of f32. */
  public boolean isVector() {
    return n == 1 && type == WeightType.F32 && layout == Layout.ROWS;
  }
}
