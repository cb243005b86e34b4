package dev.vidrio.formats.gguf;

import dev.vidrio.error.ModelFileException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads a header in one pass: magic, version, counts, metadata, tensor list. The tensors are
 * located after it, since only its length determines the start of their data.
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

  /** The minimum size of a tensor's entry: a name of one byte and one dimension. */
  private static final int MIN_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8;

  private static final int MAX_NAME_BYTES = 64;
  private static final int MAX_DIMS = 4;

  /** A tensor with an offset relative to the data section. */
  private record Entry(String name, GgmlType type, List<Long> shape, long offset, long bytes) {}

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
    checkCount("tensor_count", tensorCount, MIN_TENSOR_BYTES);
    checkCount("metadata_kv_count", keyCount, MIN_KEY_VALUE_BYTES);
    Metadata metadata = metadata((int) keyCount);
    int alignment = alignment(metadata);
    List<Entry> entries = entries((int) tensorCount);
    long dataOffset = alignUp(cursor.position(), alignment);
    return new Gguf(
        file,
        version,
        metadata,
        locate(entries, dataOffset, alignment),
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
          Long.toUnsignedString(count),
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
          Long.toUnsignedString(length),
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

  private List<Entry> entries(int count) {
    List<Entry> entries = new ArrayList<>(count);
    Set<String> names = HashSet.newHashSet(count);
    for (int i = 0; i < count; i++) {
      String name = tensorName(i);
      cursor.subject("tensor '" + name + "'");
      if (!names.add(name)) {
        throw cursor.error("", "", "appears twice");
      }
      List<Long> shape = shape();
      GgmlType type = tensorType();
      long bytes = tensorBytes(type, shape);
      entries.add(new Entry(name, type, shape, cursor.int64("offset"), bytes));
    }
    return entries;
  }

  private String tensorName(int index) {
    cursor.subject("tensor #" + index + " name");
    MemorySegment text = cursor.string();
    if (text.byteSize() < 1 || text.byteSize() > MAX_NAME_BYTES) {
      throw cursor.error(
          "length", Long.toString(text.byteSize()), "must be 1 to " + MAX_NAME_BYTES);
    }
    byte[] bytes = text.toArray(ValueLayout.JAVA_BYTE);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      String shown = new String(bytes, StandardCharsets.UTF_8);
      throw cursor.error("", "'" + shown + "'", "is not UTF-8");
    }
  }

  private List<Long> shape() {
    long dims = cursor.uint32("n_dimensions");
    if (dims < 1 || dims > MAX_DIMS) {
      throw cursor.error("n_dimensions", Long.toString(dims), "must be 1 to " + MAX_DIMS);
    }
    List<Long> shape = new ArrayList<>();
    for (int i = 0; i < dims; i++) {
      long size = cursor.int64("dimensions");
      if (size < 1) {
        throw cursor.error("dimension " + i, Long.toString(size), "must be 1 to " + Long.MAX_VALUE);
      }
      shape.add(size);
    }
    return shape;
  }

  private GgmlType tensorType() {
    long id = cursor.uint32("type");
    return GgmlType.ofId(id)
        .orElseThrow(
            () ->
                cursor.error(
                    "type",
                    Long.toString(id),
                    GgmlType.removedName(id)
                        .map(old -> "is " + old + ", which ggml removed: convert the model again")
                        .orElse("is unknown")));
  }

  private long tensorBytes(GgmlType type, List<Long> shape) {
    long row = shape.get(0);
    if (row % type.blockElements() != 0) {
      throw cursor.error(
          "shape",
          shape.toString(),
          "a row of %s is not a multiple of the %s block size %s"
              .formatted(row, type, type.blockElements()));
    }
    try {
      return type.bytes(shape.stream().reduce(1L, Math::multiplyExact));
    } catch (ArithmeticException e) {
      throw cursor.error(
          "shape", shape.toString(), "takes more than " + Long.MAX_VALUE + " elements or bytes");
    }
  }

  /** Checks the offset of each tensor and slices its data. */
  private List<GgufTensor> locate(List<Entry> entries, long dataOffset, int alignment) {
    List<GgufTensor> tensors = new ArrayList<>(entries.size());
    for (Entry entry : entries) {
      long offset = entry.offset();
      if (offset % alignment != 0) {
        throw error(entry, "must be a multiple of the alignment " + alignment);
      }
      long available = data.byteSize() - dataOffset;
      if (Long.compareUnsigned(offset, Math.max(available, 0)) > 0) {
        throw error(entry, "begins past the file's end at " + data.byteSize());
      }
      if (entry.bytes() > available - offset) {
        throw error(
            entry,
            "needs %d bytes from %d, past the file's end at %d"
                .formatted(entry.bytes(), dataOffset + offset, data.byteSize()));
      }
      long start = dataOffset + offset;
      tensors.add(
          new GgufTensor(
              entry.name(),
              entry.type(),
              entry.shape(),
              start,
              data.asSlice(start, entry.bytes())));
    }
    checkOverlap(tensors, dataOffset);
    return tensors;
  }

  private void checkOverlap(List<GgufTensor> tensors, long dataOffset) {
    List<GgufTensor> ordered = new ArrayList<>(tensors);
    ordered.sort(Comparator.comparingLong(GgufTensor::offset));
    for (int i = 1; i < ordered.size(); i++) {
      GgufTensor before = ordered.get(i - 1);
      GgufTensor tensor = ordered.get(i);
      long end = before.offset() + before.data().byteSize();
      if (tensor.offset() < end) {
        throw new ModelFileException(
            file,
            "tensor '" + tensor.name() + "' offset",
            Long.toString(tensor.offset() - dataOffset),
            "overlaps tensor '" + before.name() + "', which ends at " + (end - dataOffset));
      }
    }
  }

  private ModelFileException error(Entry entry, String limit) {
    return new ModelFileException(
        file, "tensor '" + entry.name() + "' offset", Long.toUnsignedString(entry.offset()), limit);
  }
}
