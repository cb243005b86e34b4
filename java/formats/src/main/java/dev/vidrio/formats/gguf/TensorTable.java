package dev.vidrio.formats.gguf;

import dev.vidrio.error.ModelFileException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Reads the tensor list and locates each tensor in the data section, whose start is known only
 * after the list.
 */
final class TensorTable {

  /** The minimum size of an entry: a name of one byte and one dimension. */
  static final int MIN_ENTRY_BYTES = 8 + 1 + 4 + 8 + 4 + 8;

  private static final int MAX_NAME_BYTES = 64;
  private static final int MAX_DIMS = 4;

  /** A tensor whose offset is relative to the data section. */
  private record Entry(String name, GgmlType type, List<Long> shape, long offset, long bytes) {}

  private final String file;
  private final MemorySegment data;
  private final HeaderCursor cursor;
  private final List<Entry> entries = new ArrayList<>();

  TensorTable(String file, MemorySegment data, HeaderCursor cursor) {
    this.file = file;
    this.data = data;
    this.cursor = cursor;
  }

  void read(int count) {
    Set<String> names = HashSet.newHashSet(count);
    for (int i = 0; i < count; i++) {
      String name = name(i);
      cursor.subject("tensor '" + name + "'");
      if (!names.add(name)) {
        throw cursor.error("", "", "appears twice");
      }
      List<Long> shape = shape();
      GgmlType type = type();
      long bytes = bytes(type, shape);
      entries.add(new Entry(name, type, shape, cursor.int64("offset"), bytes));
    }
  }

  private String name(int index) {
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

  private GgmlType type() {
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

  private long bytes(GgmlType type, List<Long> shape) {
    long row = shape.get(0);
    if (row % type.blockElements() != 0) {
      throw cursor.error(
          "shape",
          shape.toString(),
          "a row of "
              + row
              + " is not a multiple of the "
              + type
              + " block size "
              + type.blockElements());
    }
    try {
      long elements = 1;
      for (long size : shape) {
        elements = Math.multiplyExact(elements, size);
      }
      return type.bytes(elements);
    } catch (ArithmeticException e) {
      throw cursor.error(
          "shape", shape.toString(), "takes more than " + Long.MAX_VALUE + " elements or bytes");
    }
  }

  /** Checks the offset of each tensor and slices its data. */
  List<GgufTensor> locate(long dataOffset, int alignment) {
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
        file, "tensor '" + entry.name() + "' offset", HeaderCursor.unsigned(entry.offset()), limit);
  }
}
