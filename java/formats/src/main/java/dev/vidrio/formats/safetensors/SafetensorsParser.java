package dev.vidrio.formats.safetensors;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.JsonFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Reads a header and checks that the tensors cover the data section without gaps or overlaps. */
final class SafetensorsParser {

  /** Ten times a large real header; the format allows 100 MB. */
  private static final long MAX_HEADER_BYTES = 16L << 20;

  private static final int MAX_DIMS = 8;
  private static final String METADATA = "__metadata__";
  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** A tensor before the check for gaps and overlaps. */
  private record Entry(String name, Dtype dtype, List<Long> shape, long begin, long end) {
    SafetensorsTensor tensor(MemorySegment buffer) {
      return new SafetensorsTensor(name, dtype, shape, buffer.asSlice(begin, end - begin));
    }
  }

  private final String file;
  private final MemorySegment data;

  SafetensorsParser(String file, MemorySegment data) {
    this.file = file;
    this.data = data.asReadOnly();
  }

  Safetensors parse() {
    long headerBytes = headerBytes();
    byte[] header = data.asSlice(Long.BYTES, headerBytes).toArray(ValueLayout.JAVA_BYTE);
    if (header[0] != '{') {
      throw error("header", "", "must begin with '{': not a safetensors file");
    }
    JsonNode json = JsonFile.parseObject(file, "header", header);
    Map<String, String> metadata = metadata(json);
    MemorySegment buffer = data.asSlice(Long.BYTES + headerBytes);
    List<Entry> entries = new ArrayList<>();
    for (Map.Entry<String, JsonNode> property : json.properties()) {
      if (!property.getKey().equals(METADATA)) {
        entries.add(entry(property.getKey(), property.getValue(), buffer.byteSize()));
      }
    }
    checkCoverage(entries, buffer.byteSize());
    return new Safetensors(
        file, metadata, entries.stream().map(entry -> entry.tensor(buffer)).toList());
  }

  private long headerBytes() {
    if (data.byteSize() <= Long.BYTES) {
      String limit = data.byteSize() == 0 ? "is empty" : "ends before its header";
      throw error("", "", limit);
    }
    long bytes = data.get(LENGTH, 0);
    long fit = Math.min(data.byteSize() - Long.BYTES, MAX_HEADER_BYTES);
    if (bytes < 2 || bytes > fit) {
      throw error(
          "header length",
          Long.toUnsignedString(bytes),
          fit == MAX_HEADER_BYTES
              ? "must be 2 to " + MAX_HEADER_BYTES
              : "must be 2 to the " + fit + " bytes that follow it");
    }
    return bytes;
  }

  private Map<String, String> metadata(JsonNode json) {
    Map<String, String> metadata = new LinkedHashMap<>();
    JsonNode node = json.path(METADATA);
    if (!node.isMissingNode() && !node.isObject()) {
      throw error(METADATA, "", "must be an object of strings");
    }
    for (Map.Entry<String, JsonNode> property : node.properties()) {
      if (!property.getValue().isString()) {
        String value = property.getValue().toString();
        throw error(METADATA + " '" + property.getKey() + "'", value, "must be a string");
      }
      metadata.put(property.getKey(), property.getValue().stringValue());
    }
    return metadata;
  }

  private Entry entry(String name, JsonNode node, long bufferBytes) {
    if (!node.isObject()) {
      throw error(subject(name), node.toString(), "must be an object");
    }
    Dtype dtype = dtype(name, node.path("dtype"));
    List<Long> shape = shape(name, node.path("shape"));
    JsonNode offsets = node.path("data_offsets");
    if (!offsets.isArray() || offsets.size() != 2) {
      throw error(subject(name) + " data_offsets", text(offsets), "must be [begin, end]");
    }
    long begin = integer(name, "data_offsets", offsets.get(0));
    long end = integer(name, "data_offsets", offsets.get(1));
    if (begin > end || end > bufferBytes) {
      String limit = "must ascend and end within the " + bufferBytes + " bytes of data";
      throw error(subject(name) + " data_offsets", offsets.toString(), limit);
    }
    long needed = bytes(name, dtype, shape);
    if (end - begin != needed) {
      String limit = "%s %s takes %d bytes, not %d".formatted(dtype, shape, needed, end - begin);
      throw error(subject(name) + " data_offsets", offsets.toString(), limit);
    }
    return new Entry(name, dtype, shape, begin, end);
  }

  private Dtype dtype(String name, JsonNode node) {
    return Dtype.ofName(node.isString() ? node.stringValue() : "")
        .orElseThrow(() -> error(subject(name) + " dtype", text(node), "is unknown"));
  }

  private List<Long> shape(String name, JsonNode node) {
    if (!node.isArray() || node.size() > MAX_DIMS) {
      String limit = "must be an array of at most " + MAX_DIMS + " sizes";
      throw error(subject(name) + " shape", text(node), limit);
    }
    return node.valueStream().map(size -> integer(name, "shape", size)).toList();
  }

  private long integer(String name, String part, JsonNode node) {
    if (!node.isIntegralNumber() || !node.canConvertToLong() || node.longValue() < 0) {
      String limit = "must be an integer from 0 to " + Long.MAX_VALUE;
      throw error(subject(name) + " " + part, node.toString(), limit);
    }
    return node.longValue();
  }

  private long bytes(String name, Dtype dtype, List<Long> shape) {
    try {
      return shape.stream().reduce((long) dtype.bytes(), Math::multiplyExact);
    } catch (ArithmeticException e) {
      String limit = "takes more than " + Long.MAX_VALUE + " bytes";
      throw new ModelFileException(file, subject(name) + " shape", shape.toString(), limit, e);
    }
  }

  private void checkCoverage(List<Entry> entries, long bufferBytes) {
    List<Entry> ordered = new ArrayList<>(entries);
    ordered.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    long position = 0;
    for (Entry entry : ordered) {
      if (entry.begin != position) {
        String limit =
            entry.begin < position
                ? "overlaps the tensor before it, which ends at " + position
                : "leaves a gap after " + position;
        throw error(subject(entry.name) + " data_offsets", Long.toString(entry.begin), limit);
      }
      position = entry.end;
    }
    if (position != bufferBytes) {
      throw error(
          "", "", "has %d bytes of data after the last tensor".formatted(bufferBytes - position));
    }
  }

  private static String subject(String name) {
    return "tensor '" + name + "'";
  }

  private static String text(JsonNode node) {
    return node.isMissingNode() ? "" : node.toString();
  }

  private ModelFileException error(String field, String value, String limit) {
    return new ModelFileException(file, field, value, limit);
  }
}
