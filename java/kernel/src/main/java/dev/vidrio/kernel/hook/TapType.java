package dev.vidrio.kernel.hook;

/** The element types of tapped activations. The ids are those of GGUF files. */
public enum TapType {
  /** Single precision, as computed. */
  F32(0, 4),
  /** Half precision, rounded to nearest even; overflow gives infinity. */
  F16(1, 2),
  /** The upper half of an f32, rounded to nearest even. */
  BF16(30, 2);

  private final int id;
  private final int bytes;

  TapType(int id, int bytes) {
    this.id = id;
    this.bytes = bytes;
  }

  /** Returns the number of the type in the C API. */
  public int id() {
    return id;
  }

  /** Returns the bytes of an element. */
  public int bytes() {
    return bytes;
  }
}
