package dev.vidrio.formats.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Reads a header in one pass: magic, version, counts, metadata, tensor list.
 *
 * <p>Every count and length is checked against the remaining bytes before memory is allocated for
 * it, so a damaged file costs no more memory than a valid one of its size. Arrays are skipped, not
 * copied.
 */
final class GgufParser {

  private static final int MAX_COUNT = 1 << 16;
  private static final int MAX_KEY_BYTES = 65535;
  private static final long MAX_KEYS_BYTES = 16L << 20;
  private static final long MAX_ARRAY_LENGTH = 64L << 20;
  private static final int DEFAULT_ALIGNMENT = 32;
  private static final int MIN_ALIGNMENT = 8;
  private static final int MAX_ALIGNMENT = 1 << 20;

  /** The minimum size of an entry: a key of one byte with a one-byte value. */
  private static final int MIN_KEY_VALUE_BYTES = 8 + 1 + 4 + 1;

  private final String file;
  private final MemorySegment data;
  private final HeaderCursor cursor;
  private long keysBytes;

  GgufParser(String file, MemorySegment data) {
    this.file = file;
    this.data = data.asReadOnly();
    this.cursor = new HeaderCursor(file, this.data);
  }

  Gguf parse() {
    Magic.check(file, data);
    cursor.take("magic", Magic.BYTES);
    int version = version();
    long tensorCount = cursor.int64("tensor_count");
    long keyCount = cursor.int64("metadata_kv_count");
    checkCount("tensor_count", tensorCount, TensorTable.MIN_ENTRY_BYTES);
    checkCount("metadata_kv_count", keyCount, MIN_KEY_VALUE_BYTES);
    Metadata metadata = metadata((int) keyCount);
    int alignment = alignment(metadata);
    TensorTable table = new TensorTable(file, data, cursor);
    table.read((int) tensorCount);
    long dataOffset = alignUp(cursor.position(), alignment);
    return new Gguf(
        file,
        version,
        metadata,
        table.locate(dataOffset, alignment),
        data.byteSize(),
        dataOffset,
        alignment);
  }

  private int version() {
    long version = cursor.uint32("version");
    if (version == 2 || version == 3) {
      return (int) version;
    }
    String limit =
        version == 1
            ? "is too old: convert the model again"
            : version != 0 && (version & 0xffff) == 0
                ? "is byte-swapped: big-endian files are not supported"
                : "is unknown";
    throw cursor.error("version", Long.toString(version), limit + " (supported: 2, 3)");
  }

  private void checkCount(String field, long count, int minBytes) {
    long fit = Math.min(cursor.remaining() / minBytes, MAX_COUNT);
    if (Long.compareUnsigned(count, fit) > 0) {
      throw cursor.error(
          field,
          HeaderCursor.unsigned(count),
          fit == MAX_COUNT
              ? "must be at most " + MAX_COUNT
              : "at most " + fit + " fit into the remaining " + cursor.remaining() + " bytes");
    }
  }

  private Metadata metadata(int count) {
    Map<String, GgufValue> entries = LinkedHashMap.newLinkedHashMap(count);
    for (int i = 0; i < count; i++) {
      String key = key(i);
      cursor.subject("key '" + key + "'");
      GgufValue value = value(valueType("value type"));
      if (entries.putIfAbsent(key, value) != null) {
        cursor.subject("key '" + key + "'");
        throw cursor.error("", "", "appears twice");
      }
    }
    return new Metadata(file, Collections.unmodifiableMap(entries));
  }

  private String key(int index) {
    cursor.subject("key #" + index);
    MemorySegment text = cursor.string();
    long length = text.byteSize();
    if (length < 1 || length > MAX_KEY_BYTES) {
      throw cursor.error("length", Long.toString(length), "must be 1 to " + MAX_KEY_BYTES);
    }
    keysBytes += length;
    if (keysBytes > MAX_KEYS_BYTES) {
      throw cursor.error(
          "length", Long.toString(length), "all keys together exceed " + MAX_KEYS_BYTES + " bytes");
    }
    byte[] bytes = text.toArray(ValueLayout.JAVA_BYTE);
    for (byte b : bytes) {
      if (b < ' ' || b == 0x7f) {
        throw cursor.error(
            "name",
            "'" + new String(bytes, StandardCharsets.ISO_8859_1) + "'",
            "must be printable ASCII");
      }
    }
    return new String(bytes, StandardCharsets.US_ASCII);
  }

  private GgufValueType valueType(String part) {
    long id = cursor.uint32(part);
    return GgufValueType.ofId(id)
        .orElseThrow(() -> cursor.error(part, Long.toString(id), "must be 0 to 12"));
  }

  private GgufValue value(GgufValueType type) {
    return switch (type) {
      case STRING -> new GgufValue.Text(cursor.string());
      case ARRAY -> array();
      case BOOL -> {
        long at = cursor.take("value", type.bytes());
        checkBools(at, 1);
        yield Scalars.value(type, data, at);
      }
      default -> Scalars.value(type, data, cursor.take("value", type.bytes()));
    };
  }

  private GgufValue array() {
    GgufValueType type = valueType("element type");
    if (type == GgufValueType.ARRAY) {
      throw cursor.error("element type", type.toString(), "nested arrays are not supported");
    }
    long length = cursor.int64("length");
    if (Long.compareUnsigned(length, MAX_ARRAY_LENGTH) > 0) {
      throw cursor.error(
          "length",
          HeaderCursor.unsigned(length),
          "an array has at most " + MAX_ARRAY_LENGTH + " elements");
    }
    long start = cursor.position();
    if (type == GgufValueType.STRING) {
      for (int i = 0; i < length; i++) {
        cursor.element(i);
        cursor.skipString();
      }
    } else {
      cursor.take("elements", length * type.bytes());
      if (type == GgufValueType.BOOL) {
        checkBools(start, length);
      }
    }
    return new GgufValue.Array(type, (int) length, cursor.since(start));
  }

  private void checkBools(long start, long count) {
    for (long i = 0; i < count; i++) {
      int value = Scalars.int8(data, start + i) & 0xff;
      if (value > 1) {
        throw cursor.error(
            "value at offset " + (start + i), Integer.toString(value), "a bool must be 0 or 1");
      }
    }
  }

  private static int alignment(Metadata metadata) {
    String key = "general.alignment";
    long alignment = metadata.longValue(key, Long.MIN_VALUE, Long.MAX_VALUE, DEFAULT_ALIGNMENT);
    if (alignment < MIN_ALIGNMENT || alignment > MAX_ALIGNMENT || Long.bitCount(alignment) != 1) {
      throw metadata.error(
          key,
          Long.toString(alignment),
          "must be a power of two from " + MIN_ALIGNMENT + " to " + MAX_ALIGNMENT);
    }
    return (int) alignment;
  }

  private static long alignUp(long position, int alignment) {
    return (position + alignment - 1) & -alignment;
  }
}
