package dev.vidrio.formats.testfiles;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;

/**
 * A written file with fields that can be overwritten by name: {@code version}, {@code
 * tensor_count}, {@code metadata_kv_count}, {@code key/NAME} and {@code tensor/NAME} (the length of
 * the name), {@code key/NAME/type}, {@code key/NAME/value}, {@code tensor/NAME/n_dimensions},
 * {@code …/dimensions}, {@code …/type}, {@code …/offset}, and {@code data}.
 */
public final class GgufImage {

  private final byte[] bytes;
  private final Map<String, Integer> marks;

  GgufImage(byte[] bytes, Map<String, Integer> marks) {
    this.bytes = bytes;
    this.marks = marks;
  }

  public byte[] bytes() {
    return bytes;
  }

  /** Returns this file with zeros appended, with the same fields. */
  public GgufImage padded(int length) {
    return new GgufImage(Arrays.copyOf(bytes, length), marks);
  }

  public int at(String mark) {
    Integer position = marks.get(mark);
    if (position == null) {
      throw new IllegalArgumentException("no such field: " + mark + " in " + marks.keySet());
    }
    return position;
  }

  /** Overwrites 32 bits, {@code skip} bytes after the mark. */
  public GgufImage uint32(String mark, int skip, long value) {
    buffer().putInt(at(mark) + skip, (int) value);
    return this;
  }

  /** Overwrites 64 bits, {@code skip} bytes after the mark. */
  public GgufImage uint64(String mark, int skip, long value) {
    buffer().putLong(at(mark) + skip, value);
    return this;
  }

  /** Overwrites one byte, {@code skip} bytes after the mark. */
  public GgufImage uint8(String mark, int skip, int value) {
    bytes[at(mark) + skip] = (byte) value;
    return this;
  }

  /** Returns the first bytes only. */
  public byte[] cut(int length) {
    return Arrays.copyOf(bytes, length);
  }

  private ByteBuffer buffer() {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
