package dev.vidrio.kernel.weight;

import java.lang.foreign.MemorySegment;

/**
 * A weight matrix [N, K] in off-heap memory: {@code y = x · Wᵀ} maps K inputs to N outputs. A
 * vector has N = 1.
 *
 * @param name the tensor's name in the model file
 * @param type the element type
 * @param layout the layout of the elements in {@code data}
 * @param n rows, the outputs of a product
 * @param k elements of a row
 * @param data exactly the matrix's bytes
 */
public record Weights(
    String name, WeightType type, Layout layout, int n, int k, MemorySegment data) {

  /** How a matrix lies in memory. */
  public enum Layout {
    /** GGUF's own: one row after the other. */
    ROWS,
    /** 16 rows side by side, as {@link Packing} says. */
    PACKED
  }

  public Weights {
    if (n <= 0 || k <= 0) {
      throw new IllegalArgumentException(name + ": shape [" + n + ", " + k + "] is not positive");
    }
    long expected =
        layout == Layout.PACKED
            ? Packing.bytes(type, n, k)
            : Math.multiplyExact((long) n, type.bytes(k));
    if (data.byteSize() != expected) {
      throw new IllegalArgumentException(
          name + ": " + data.byteSize() + " bytes of data, but its shape needs " + expected);
    }
  }

  /** Whether this is a vector of f32. */
  public boolean isVector() {
    return n == 1 && type == WeightType.F32 && layout == Layout.ROWS;
  }
}
