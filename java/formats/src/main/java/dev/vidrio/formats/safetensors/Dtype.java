package dev.vidrio.formats.safetensors;

import java.util.Arrays;
import java.util.Optional;

/** The element types of safetensors files. */
public enum Dtype {
  /** Booleans of one byte. */
  BOOL(1),
  /** Unsigned integers of 8 bits. */
  U8(1),
  /** Signed integers of 8 bits. */
  I8(1),
  /** 8-bit floats with 5 exponent bits. */
  F8_E5M2(1),
  /** 8-bit floats with 4 exponent bits. */
  F8_E4M3(1),
  /** Signed integers of 16 bits. */
  I16(2),
  /** Unsigned integers of 16 bits. */
  U16(2),
  /** IEEE half precision. */
  F16(2),
  /** bfloat16: the upper half of IEEE single precision. */
  BF16(2),
  /** Signed integers of 32 bits. */
  I32(4),
  /** Unsigned integers of 32 bits. */
  U32(4),
  /** IEEE single precision. */
  F32(4),
  /** IEEE double precision. */
  F64(8),
  /** Signed integers of 64 bits. */
  I64(8),
  /** Unsigned integers of 64 bits. */
  U64(8);

  private final int bytes;

  Dtype(int bytes) {
    this.bytes = bytes;
  }

  /** Returns the type with a name, if it exists. */
  static Optional<Dtype> ofName(String name) {
    return Arrays.stream(values()).filter(type -> type.name().equals(name)).findFirst();
  }

  /** Returns the number of bytes of an element. */
  public int bytes() {
    return bytes;
  }
}
