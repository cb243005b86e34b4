package dev.vidrio.kernel;

import java.util.Arrays;
import java.util.Optional;

/** Element types of weights that kernels multiply. The ids are those of GGUF files. */
public enum WeightType {
  F32(0, 1, 4, 0),
  F16(1, 1, 2, 0),
  Q4_0(2, 32, 18, 1),
  Q4_1(3, 32, 20, 2),
  Q8_0(8, 32, 34, 1);

  private final int id;
  private final int blockElements;
  private final int blockBytes;
  private final int blockHalves;

  WeightType(int id, int blockElements, int blockBytes, int blockHalves) {
    this.id = id;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
    this.blockHalves = blockHalves;
  }

  /** The type with this number, if kernels multiply it. */
  public static Optional<WeightType> ofId(int id) {
    return Arrays.stream(values()).filter(type -> type.id == id).findFirst();
  }

  /** The type's number in GGUF files and in the C API. */
  public int id() {
    return id;
  }

  /** Elements that share a scale; 1 for floating-point types. */
  public int blockElements() {
    return blockElements;
  }

  /** Bytes of a block in GGUF's row-major layout. */
  public int blockBytes() {
    return blockBytes;
  }

  /**
   * Half-precision factors at the start of a block: the scale, and the minimum where there is one.
   */
  public int blockHalves() {
    return blockHalves;
  }

  /** Bytes of a block's quants, the block without its factors. */
  public int quantBytes() {
    return blockBytes - 2 * blockHalves;
  }

  /** Whether elements are integers with a scale per block, which multiply quantized activations. */
  public boolean quantized() {
    return blockElements > 1;
  }

  /**
   * Bytes of {@code elements} elements in row-major layout.
   *
   * @throws IllegalArgumentException when they do not fill whole blocks
   * @throws ArithmeticException when the result exceeds a long
   */
  public long bytes(long elements) {
    if (elements < 0 || elements % blockElements != 0) {
      throw new IllegalArgumentException(
          elements + " elements of " + this + " are no multiple of " + blockElements);
    }
    return Math.multiplyExact(elements / blockElements, (long) blockBytes);
  }
}
