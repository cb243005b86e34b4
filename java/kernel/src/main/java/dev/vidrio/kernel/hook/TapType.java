package dev.vidrio.kernel.hook;

/** Element types of tapped activations. The ids are those of GGUF files. */
public enum TapType {
  /** As computed. */
  F32(0, 4),
  /** Half precision: the nearest one, ties to even; beyond the greatest, infinity. */
  F16(1, 2),
  /** The upper half of an f32, rounded to nearest even. */
  BF16(30, 2);

  private final int id;
  private final int bytes;

  TapType(int id, int bytes) {
    this.id = id;
    this.bytes = bytes;
  }

  /** The type's number in the C API. */
  public int id() {
    return id;
  }

  /** Bytes of an element. */
  public int bytes() {
    return bytes;
  }
}
