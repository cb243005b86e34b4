package dev.vidrio.formats.testfiles;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** Creates valid and damaged safetensors files in memory. */
public final class SafetensorsImage {

  private final Map<String, Object> header = new LinkedHashMap<>();
  private final ByteArrayOutputStream data = new ByteArrayOutputStream();

  /** Adds a tensor of zeros. */
  public SafetensorsImage zeros(String name, String dtype, int elementBytes, long... shape) {
    int bytes = elementBytes;
    for (long size : shape) {
      bytes *= (int) size;
    }
    return tensor(name, dtype, new byte[bytes], shape);
  }

  /** Adds a tensor of floats. */
  public SafetensorsImage floats(String name, float[] values, long... shape) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return tensor(name, "F32", bytes.array(), shape);
  }

  private SafetensorsImage tensor(String name, String dtype, byte[] bytes, long... shape) {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("dtype", dtype);
    entry.put("shape", shape);
    entry.put("data_offsets", List.of(data.size(), data.size() + bytes.length));
    header.put(name, entry);
    data.writeBytes(bytes);
    return this;
  }

  /** Returns the file. */
  public byte[] bytes() {
    return file(JsonMapper.shared().writeValueAsString(header), data.toByteArray());
  }

  /** Returns a file with arbitrary header text. */
  public static byte[] file(String header, byte[] data) {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    return file(text.length, text, data);
  }

  /** Returns a file with an arbitrary declared header length. */
  public static byte[] file(long length, byte[] header, byte[] data) {
    return ByteBuffer.allocate(Long.BYTES + header.length + data.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(length)
        .put(header)
        .put(data)
        .array();
  }
}
