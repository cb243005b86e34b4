package dev.vidrio.formats.testfiles;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads the tensors of a small safetensors file into the heap, for comparisons. */
public final class SafetensorsFile {
  private final ByteBuffer data;
  private final JsonNode header;

  private SafetensorsFile(byte[] bytes) {
    ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int length = Math.toIntExact(file.getLong(0));
    this.header =
        JsonMapper.shared().readTree(new String(bytes, 8, length, StandardCharsets.UTF_8));
    this.data = file.slice(8 + length, bytes.length - 8 - length).order(ByteOrder.LITTLE_ENDIAN);
  }

  public static SafetensorsFile read(Path path) throws IOException {
    return new SafetensorsFile(Files.readAllBytes(path));
  }

  public static SafetensorsFile read(InputStream in) throws IOException {
    try (in) {
      return new SafetensorsFile(in.readAllBytes());
    }
  }

  public Set<String> names() {
    var names = new TreeSet<>(header.propertyNames());
    names.remove("__metadata__");
    return names;
  }

  public List<Long> shape(String name) {
    return tensor(name).get("shape").valueStream().map(JsonNode::longValue).toList();
  }

  public float[] floats(String name) {
    ByteBuffer bytes = bytes(name, "F32");
    var values = new float[bytes.remaining() / Float.BYTES];
    bytes.asFloatBuffer().get(values);
    return values;
  }

  /** Returns the rows of a tensor, as wide as its last dimension. */
  public float[][] rows(String name) {
    float[] values = floats(name);
    int width = Math.toIntExact(shape(name).getLast());
    var rows = new float[values.length / width][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = Arrays.copyOfRange(values, i * width, (i + 1) * width);
    }
    return rows;
  }

  /** Integers of type I32 or I64. */
  public int[] ints(String name) {
    boolean wide = tensor(name).get("dtype").stringValue().equals("I64");
    ByteBuffer bytes = bytes(name, wide ? "I64" : "I32");
    var values = new int[bytes.remaining() / (wide ? 8 : 4)];
    for (int i = 0; i < values.length; i++) {
      values[i] = wide ? Math.toIntExact(bytes.getLong(8 * i)) : bytes.getInt(4 * i);
    }
    return values;
  }

  private ByteBuffer bytes(String name, String dtype) {
    JsonNode tensor = tensor(name);
    if (!tensor.get("dtype").stringValue().equals(dtype)) {
      throw new IllegalArgumentException(name + " is " + tensor.get("dtype"));
    }
    int begin = tensor.get("data_offsets").get(0).intValue();
    int end = tensor.get("data_offsets").get(1).intValue();
    return data.slice(begin, end - begin).order(ByteOrder.LITTLE_ENDIAN);
  }

  private JsonNode tensor(String name) {
    JsonNode tensor = header.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException("no tensor " + name + " among " + names());
    }
    return tensor;
  }
}
