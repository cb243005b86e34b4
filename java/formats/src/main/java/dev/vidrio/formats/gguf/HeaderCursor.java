package dev.vidrio.formats.gguf;

import dev.vidrio.error.ModelFileException;
import java.lang.foreign.MemorySegment;

/**
 * A bounds-checked read position in a file's header. Every error names the subject (a key or
 * tensor), its part and the offset.
 */
final class HeaderCursor {

  /** Ten times a large real header. Bounds the time that a file of empty strings can take. */
  private static final long MAX_HEADER_BYTES = 128L << 20;

  private static final long MAX_STRING_BYTES = 16L << 20;

  private final String file;
  private final MemorySegment data;
  private final long end;
  private long position;
  private String subject = "";
  private int element = -1;

  HeaderCursor(String file, MemorySegment data) {
    this.file = file;
    this.data = data;
    this.end = Math.min(data.byteSize(), MAX_HEADER_BYTES);
  }

  /** Sets the subject of the following reads for errors, such as {@code key 'general.name'}. */
  void subject(String newSubject) {
    subject = newSubject;
    element = -1;
  }

  /** Sets the array element of the following reads for errors. */
  void element(int index) {
    element = index;
  }

  long position() {
    return position;
  }

  long remaining() {
    return end - position;
  }

  long uint32(String part) {
    return Scalars.uint32(data, take(part, Integer.BYTES));
  }

  /** Reads 64 bits; a {@code uint64} of 2⁶³ or more becomes negative. */
  long int64(String part) {
    return Scalars.int64(data, take(part, Long.BYTES));
  }

  /** Skips a string and returns its bytes. */
  MemorySegment string() {
    long bytes = skipString();
    return data.asSlice(position - bytes, bytes);
  }

  /** Skips a string and returns its length in bytes. */
  long skipString() {
    long bytes = int64("length");
    if (Long.compareUnsigned(bytes, MAX_STRING_BYTES) > 0) {
      throw error(
          "length",
          Long.toUnsignedString(bytes),
          "a string has at most " + MAX_STRING_BYTES + " bytes");
    }
    take("text", bytes);
    return bytes;
  }

  /** Skips bytes and returns their start offset. The count must not be negative. */
  long take(String part, long bytes) {
    if (bytes > end - position) {
      String limit =
          end == data.byteSize() ? "past the file's end at " : "past the header's limit of ";
      throw error(part, "", "needs " + bytes + " bytes at offset " + position + ", " + limit + end);
    }
    long start = position;
    position += bytes;
    return start;
  }

  /** Returns the bytes from {@code start} to the current position. */
  MemorySegment since(long start) {
    return data.asSlice(start, position - start);
  }

  ModelFileException error(String part, String value, String limit) {
    StringBuilder field = new StringBuilder(subject);
    if (element >= 0) {
      field.append('[').append(element).append(']');
    }
    if (!field.isEmpty() && !part.isEmpty()) {
      field.append(' ');
    }
    return new ModelFileException(file, field.append(part).toString(), value, limit);
  }
}
