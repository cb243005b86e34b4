package dev.vidrio.formats.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Reads the numbers of GGUF: little-endian and unaligned. */
final class Scalars {

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Scalars() {}

  static byte int8(MemorySegment data, long offset) {
    return data.get(ValueLayout.JAVA_BYTE, offset);
  }

  static long uint32(MemorySegment data, long offset) {
    return Integer.toUnsignedLong(data.get(INT, offset));
  }

  static long int64(MemorySegment data, long offset) {
    return data.get(LONG, offset);
  }

  /** Widens an integer of any width; a {@code uint64} of 2⁶³ or more becomes negative. */
  static long integer(GgufValueType type, MemorySegment data, long offset) {
    return switch (type) {
      case UINT8 -> Byte.toUnsignedLong(int8(data, offset));
      case INT8 -> int8(data, offset);
      case UINT16 -> Short.toUnsignedLong(data.get(SHORT, offset));
      case INT16 -> data.get(SHORT, offset);
      case UINT32 -> uint32(data, offset);
      case INT32 -> data.get(INT, offset);
      case UINT64, INT64 -> int64(data, offset);
      case FLOAT32, FLOAT64, BOOL, STRING, ARRAY ->
          throw new IllegalArgumentException(type + " is not an integer type");
    };
  }

  /** Widens a floating-point number. */
  static double real(GgufValueType type, MemorySegment data, long offset) {
    return switch (type) {
      case FLOAT32 -> data.get(FLOAT, offset);
      case FLOAT64 -> data.get(DOUBLE, offset);
      default -> throw new IllegalArgumentException(type + " is not a floating-point type");
    };
  }

  /** Reads a value of a fixed-size type. */
  static GgufValue value(GgufValueType type, MemorySegment data, long offset) {
    if (type == GgufValueType.BOOL) {
      return new GgufValue.Bool(int8(data, offset) != 0);
    }
    return type.isReal()
        ? new GgufValue.Real(type, real(type, data, offset))
        : new GgufValue.Int(type, integer(type, data, offset));
  }
}
