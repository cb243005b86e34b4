package dev.vidrio.formats.gguf;

import java.util.Locale;
import java.util.Optional;

/** The types of GGUF metadata values, in the order of their ids in the file. */
public enum GgufValueType {
  /** An unsigned integer of 8 bits. */
  UINT8(0, 1, true, false),
  /** A signed integer of 8 bits. */
  INT8(1, 1, true, true),
  /** An unsigned integer of 16 bits. */
  UINT16(2, 2, true, false),
  /** A signed integer of 16 bits. */
  INT16(3, 2, true, true),
  /** An unsigned integer of 32 bits. */
  UINT32(4, 4, true, false),
  /** A signed integer of 32 bits. */
  INT32(5, 4, true, true),
  /** IEEE single precision. */
  FLOAT32(6, 4, false, true),
  /** One byte, 0 or 1. */
  BOOL(7, 1, false, false),
  /** A 64-bit length, then the UTF-8 bytes. */
  STRING(8, 0, false, false),
  /** An element type, a 64-bit length, then the elements. */
  ARRAY(9, 0, false, false),
  /** An unsigned integer of 64 bits. */
  UINT64(10, 8, true, false),
  /** A signed integer of 64 bits. */
  INT64(11, 8, true, true),
  /** IEEE double precision. */
  FLOAT64(12, 8, false, true);

  private static final GgufValueType[] BY_ID = values();

  private final int id;
  private final int bytes;
  private final boolean integer;
  private final boolean signed;

  GgufValueType(int id, int bytes, boolean integer, boolean signed) {
    this.id = id;
    this.bytes = bytes;
    this.integer = integer;
    this.signed = signed;
  }

  /** Returns the type with an id, if it exists. */
  static Optional<GgufValueType> ofId(long id) {
    return id < 0 || id >= BY_ID.length ? Optional.empty() : Optional.of(BY_ID[(int) id]);
  }

  /** Returns the type's id in the file. */
  public int id() {
    return id;
  }

  /** Returns the number of bytes of a value; 0 for strings and arrays, which vary in length. */
  public int bytes() {
    return bytes;
  }

  /** Returns whether values are integers of any width. */
  public boolean isInteger() {
    return integer;
  }

  /** Returns whether values are floating-point numbers. */
  public boolean isReal() {
    return this == FLOAT32 || this == FLOAT64;
  }

  /** Returns whether numbers of this type can be negative. */
  public boolean isSigned() {
    return signed;
  }

  /** Returns the name of the type in the specification, such as {@code uint32}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
