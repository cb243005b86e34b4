package dev.vidrio.kernel;

/** The element types of the key-value cache. The ids are those of GGUF files. */
public enum KvType {
  /** Single precision, as computed. */
  F32(0, 1, 4),
  /** Half precision. */
  F16(1, 1, 2),
  /** The upper half of an f32. */
  BF16(30, 1, 2),
  /** 8 bits per element and a scale per 32 elements of a head; queries are quantized too. */
  Q8_0(8, 32, 34);

  private final int id;
  private final int blockElements;
  private final int blockBytes;

  KvType(int id, int blockElements, int blockBytes) {
    this.id = id;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
  }

  /** Returns the number of the type in the C API. */
  public int id() {
    return id;
  }

  /** Returns whether heads of {@code dH} elements can be stored in the type. */
  public boolean fits(int dH) {
    return dH % blockElements == 0;
  }

  /** Returns the bytes of a head of {@code dH} elements. */
  public int bytes(int dH) {
    return Math.multiplyExact(dH / blockElements, blockBytes);
  }
}
