package dev.vidrio.formats.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;

/**
 * One metadata value, for listing a file. To read a known key, use the typed getters of {@link
 * Metadata}.
 *
 * <p>Strings and arrays are views of the mapped file; they cost nothing until read, and cannot be
 * read after the file's arena has closed.
 */
public sealed interface GgufValue {

  /** Returns the type in the file. */
  GgufValueType type();

  /**
   * An integer.
   *
   * @param type one of the eight integer types
   * @param value its value; a {@code uint64} of 2⁶³ or more keeps its bits and so reads negative
   */
  record Int(GgufValueType type, long value) implements GgufValue {

    /** Says whether the value is what a {@code long} can hold. */
    public boolean fitsLong() {
      return type != GgufValueType.UINT64 || value >= 0;
    }

    @Override
    public String toString() {
      return type.isSigned() ? Long.toString(value) : Long.toUnsignedString(value);
    }
  }

  /**
   * A floating-point number.
   *
   * @param type {@code FLOAT32} or {@code FLOAT64}
   * @param value its value, widened without loss
   */
  record Real(GgufValueType type, double value) implements GgufValue {
    @Override
    public String toString() {
      return type == GgufValueType.FLOAT32 ? Float.toString((float) value) : Double.toString(value);
    }
  }

  /**
   * A truth value.
   *
   * @param value its value
   */
  record Bool(boolean value) implements GgufValue {
    @Override
    public GgufValueType type() {
      return GgufValueType.BOOL;
    }

    @Override
    public String toString() {
      return Boolean.toString(value);
    }
  }

  /**
   * A string.
   *
   * @param utf8 its bytes in the file, UTF-8 if the file is right, without a terminator
   */
  record Text(MemorySegment utf8) implements GgufValue {

    private static final int PREVIEW_BYTES = 256;

    @Override
    public GgufValueType type() {
      return GgufValueType.STRING;
    }

    /** Returns the whole string; bytes that are no UTF-8 become U+FFFD. */
    public String text() {
      return new String(utf8.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    /** Returns the string in quotes, or its first 256 bytes and an ellipsis. */
    @Override
    public String toString() {
      return utf8.byteSize() <= PREVIEW_BYTES
          ? "'" + text() + "'"
          : "'" + new Text(utf8.asSlice(0, PREVIEW_BYTES)).text() + "…'";
    }
  }

  /**
   * An array.
   *
   * @param elementType the type of all elements; never {@code ARRAY}
   * @param length how many there are
   * @param data their encoding in the file
   */
  record Array(GgufValueType elementType, int length, MemorySegment data)
      implements GgufValue, Iterable<GgufValue> {

    @Override
    public GgufValueType type() {
      return GgufValueType.ARRAY;
    }

    /**
     * Returns one element of an integer array, as {@link Int#value()} would give it.
     *
     * @throws IllegalArgumentException if the elements are no integers
     */
    public long integer(int index) {
      return Scalars.integer(elementType, data, offset(index));
    }

    /**
     * Returns one element of a floating-point array.
     *
     * @throws IllegalArgumentException if the elements are no floating-point numbers
     */
    public double real(int index) {
      return Scalars.real(elementType, data, offset(index));
    }

    private long offset(int index) {
      return (long) Objects.checkIndex(index, length) * elementType.bytes();
    }

    /** Walks through the elements in order; each is made when it is asked for. */
    @Override
    public Iterator<GgufValue> iterator() {
      return new Iterator<>() {
        private int index;
        private long position;

        @Override
        public boolean hasNext() {
          return index < length;
        }

        @Override
        public GgufValue next() {
          if (!hasNext()) {
            throw new NoSuchElementException();
          }
          index++;
          if (elementType == GgufValueType.STRING) {
            long bytes = Scalars.int64(data, position);
            MemorySegment utf8 = data.asSlice(position + Long.BYTES, bytes);
            position += Long.BYTES + bytes;
            return new Text(utf8);
          }
          GgufValue value = Scalars.value(elementType, data, position);
          position += elementType.bytes();
          return value;
        }
      };
    }

    /** Says type and length, such as {@code string[49152]}. */
    @Override
    public String toString() {
      return elementType + "[" + length + "]";
    }
  }
}
