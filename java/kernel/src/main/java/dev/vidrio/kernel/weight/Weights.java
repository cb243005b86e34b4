package dev.vidrio.kernel.weight;

import static dev.vidrio.kernel.argument.Arguments.require;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A weight matrix [N, K] in off-heap memory: {@code y = x · Wᵀ} maps K inputs to N outputs. A
 * vector has N = 1. The record does not own the memory.
 *
 * @param name the tensor's name in the model file
 * @param type the element type
 * @param layout the layout of the elements in {@code data}
 * @param n rows, the outputs of a product
 * @param k elements of a row
 * @param data the bytes of the matrix, no more and no less. With a deferred packing, the accessor
 *     packs the matrix first
 * @param deferred the packing of a packed matrix, if it is put off; else null
 */
public record Weights(
    String name,
    WeightType type,
    Layout layout,
    int n,
    int k,
    MemorySegment data,
    @Nullable DeferredPacking deferred) {

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

  /** Creates weights that are in memory. */
  public Weights(String name, WeightType type, Layout layout, int n, int k, MemorySegment data) {
    this(name, type, layout, n, k, data, null);
  }

  @Override
  public MemorySegment data() {
    return deferred == null ? data : deferred.packed();
  }

  /** Returns the same weights under another name. */
  public Weights named(String newName) {
    return new Weights(newName, type, layout, n, k, data, deferred);
  }

  /** Returns the bytes of the matrix in its layout. */
  public long bytes() {
    return data.byteSize();
  }

  /** Returns whether this is a vector of f32. */
  public boolean isVector() {
    return n == 1 && type == WeightType.F32 && layout == Layout.ROWS;
  }
}
