package dev.vidrio.formats.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;

/**
 * One metadata value of a GGUF file, as listed by {@link Metadata#entries}. To read a known key,
 * use the typed getters of {@link Metadata}.
 *
 * <p>The interface is sealed: a value is an {@link Int}, {@link Real}, {@link Bool}, {@link Text}
 * or {@link Array}. Strings and arrays are views of the mapped file: they are decoded when read,
 * and cannot be read after the file's arena is closed.
 */
public sealed interface GgufValue {

  /** Returns the type of the value in the file. */
  GgufValueType type();

  /**
   * An integer.
   *
   * @param type one of the eight integer types
   * @param value the value; a {@code uint64} of 2⁶³ or more keeps its bits and so is negative
   */
  record Int(GgufValueType type, long value) implements GgufValue {

    /** Returns whether the value fits a {@code long}. */
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
   * @param value the value, widened without loss
   */
  record Real(GgufValueType type, double value) implements GgufValue {
    @Override
    public String toString() {
      return type == GgufValueType.FLOAT32 ? Float.toString((float) value) : Double.toString(value);
    }
  }

  /**
   * A boolean.
   *
   * @param value the value
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
   * @param utf8 the bytes in the file without a terminator; UTF-8 in a valid file
   */
  record Text(MemorySegment utf8) implements GgufValue {

    private static final int PREVIEW_BYTES = 256;

    @Override
    public GgufValueType type() {
      return GgufValueType.STRING;
    }

    /** Returns the whole string, with ill-formed UTF-8 replaced by U+FFFD. */
    public String text() {
      return new String(utf8.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    /** Returns the string in quotes, truncated to its first 256 bytes with an ellipsis. */
    @Override
    public String toString() {
      return utf8.byteSize() <= PREVIEW_BYTES
          ? "'" + text() + "'"
          : "'" + new Text(utf8.asSlice(0, PREVIEW_BYTES)).text() + "…'";
    }
  }

  /**
   * An array. Arrays of arrays are not supported.
   *
   * @param elementType the type of all elements; never {@code ARRAY}
   * @param length the number of elements
   * @param data the encoded elements
   */
  record Array(GgufValueType elementType, int length, MemorySegment data)
      implements GgufValue, Iterable<GgufValue> {

    @Override
    public GgufValueType type() {
      return GgufValueType.ARRAY;
    }

    /**
     * Returns one element of an integer array, with the conversion of {@link Int#value()}.
     *
     * @throws IllegalArgumentException if the elements are not integers
     */
    public long integer(int index) {
      return Scalars.integer(elementType, data, offset(index));
    }

    /**
     * Returns one element of a floating-point array.
     *
     * @throws IllegalArgumentException if the elements are not floating-point numbers
     */
    public double real(int index) {
      return Scalars.real(elementType, data, offset(index));
    }

    private long offset(int index) {
      return (long) Objects.checkIndex(index, length) * elementType.bytes();
    }

    /** Returns an iterator over the elements in order, which are decoded on demand. */
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

    /** Returns element type and length, such as {@code string[49152]}. */
    @Override
    public String toString() {
      return elementType + "[" + length + "]";
    }
  }
}
