package dev.vidrio.formats.testfiles;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufValueType;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Writes GGUF version 3 files for tests, independently of the reader and the production writer.
 *
 * <p>Putting an existing key or tensor replaces it and keeps its position. Nothing is checked, and
 * {@link #append} and {@link #raw} write invalid structures, so that damaged files can be made.
 */
public final class GgufWriter {

  private static final class Entry {
    final String name;
    final byte[] key;
    final int type;
    final byte[] payload;

    Entry(byte[] key, int type, byte[] payload) {
      this.name = new String(key, StandardCharsets.UTF_8);
      this.key = key;
      this.type = type;
      this.payload = payload;
    }
  }

  private static final class Tensor {
    final String text;
    final byte[] name;
    final int type;
    final long[] shape;
    final byte[] data;

    Tensor(byte[] name, GgmlType type, long[] shape, byte[] data) {
      this.text = new String(name, StandardCharsets.UTF_8);
      this.name = name;
      this.type = type.id();
      this.shape = shape;
      this.data = data;
    }
  }

  private final List<Entry> entries = new ArrayList<>();
  private final List<Tensor> tensors = new ArrayList<>();
  private int version = 3;
  private int alignment = 32;

  /** Creates a file without keys and tensors. */
  public GgufWriter() {}

  public GgufWriter version(int newVersion) {
    version = newVersion;
    return this;
  }

  /** Aligns tensors differently and sets {@code general.alignment}. */
  public GgufWriter alignment(int bytes) {
    alignment = bytes;
    return uint32("general.alignment", bytes);
  }

  public GgufWriter integer(String key, GgufValueType type, long value) {
    return put(key, type, Arrays.copyOf(uint64(value), type.bytes()));
  }

  public GgufWriter uint32(String key, long value) {
    return integer(key, GgufValueType.UINT32, value);
  }

  public GgufWriter float32(String key, float value) {
    return put(key, GgufValueType.FLOAT32, uint32(Float.floatToRawIntBits(value)));
  }

  public GgufWriter float64(String key, double value) {
    return put(key, GgufValueType.FLOAT64, uint64(Double.doubleToRawLongBits(value)));
  }

  public GgufWriter bool(String key, boolean value) {
    return put(key, GgufValueType.BOOL, new byte[] {(byte) (value ? 1 : 0)});
  }

  public GgufWriter string(String key, String value) {
    return put(key, GgufValueType.STRING, sized(value.getBytes(StandardCharsets.UTF_8)));
  }

  public GgufWriter strings(String key, List<String> values) {
    return array(key, GgufValueType.STRING, values.size(), elements(values));
  }

  public GgufWriter int32s(String key, int... values) {
    byte[] elements = little(4 * values.length, buffer -> buffer.asIntBuffer().put(values));
    return array(key, GgufValueType.INT32, values.length, elements);
  }

  public GgufWriter float32s(String key, float... values) {
    byte[] elements = little(4 * values.length, buffer -> buffer.asFloatBuffer().put(values));
    return array(key, GgufValueType.FLOAT32, values.length, elements);
  }

  /** Puts an array with any declared length and element type, which need not match the bytes. */
  public GgufWriter array(String key, GgufValueType type, long length, byte[] elements) {
    byte[] payload =
        little(
            12 + elements.length, buffer -> buffer.putInt(type.id()).putLong(length).put(elements));
    return put(key, GgufValueType.ARRAY, payload);
  }

  public GgufWriter put(String key, GgufValueType type, byte[] payload) {
    return raw(key.getBytes(StandardCharsets.UTF_8), type.id(), payload);
  }

  /** Puts a key from arbitrary bytes, type id and payload. */
  public GgufWriter raw(byte[] key, int type, byte[] payload) {
    Entry entry = new Entry(key, type, payload);
    for (int i = 0; i < entries.size(); i++) {
      if (Arrays.equals(entries.get(i).key, key)) {
        entries.set(i, entry);
        return this;
      }
    }
    entries.add(entry);
    return this;
  }

  /** Adds an entry, even a duplicate. */
  public GgufWriter append(String key, GgufValueType type, byte[] payload) {
    entries.add(new Entry(key.getBytes(StandardCharsets.UTF_8), type.id(), payload));
    return this;
  }

  public GgufWriter remove(String key) {
    entries.removeIf(entry -> entry.name.equals(key));
    return this;
  }

  /** Puts a tensor; its shape has the fastest-varying dimension first. */
  public GgufWriter tensor(String name, GgmlType type, byte[] data, long... shape) {
    Tensor tensor = new Tensor(name.getBytes(StandardCharsets.UTF_8), type, shape, data);
    for (int i = 0; i < tensors.size(); i++) {
      if (tensors.get(i).text.equals(name)) {
        tensors.set(i, tensor);
        return this;
      }
    }
    tensors.add(tensor);
    return this;
  }

  /** Adds a tensor, even a duplicate. */
  public GgufWriter appendTensor(byte[] name, GgmlType type, byte[] data, long... shape) {
    tensors.add(new Tensor(name, type, shape, data));
    return this;
  }

  public GgufWriter removeTensor(String name) {
    tensors.removeIf(tensor -> tensor.text.equals(name));
    return this;
  }

  public byte[] toBytes() {
    return toImage().bytes();
  }

  /** Parses the file, in memory of an arena. */
  public Gguf parse(String name, Arena arena) {
    byte[] bytes = toBytes();
    return Gguf.parse(
        name, arena.allocate(bytes.length, 64).copyFrom(MemorySegment.ofArray(bytes)));
  }

  /** Lays the file out and records the offset of each field. */
  public GgufImage toImage() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Map<String, Integer> marks = new HashMap<>();
    out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    marks.put("version", out.size());
    out.writeBytes(uint32(version));
    marks.put("tensor_count", out.size());
    out.writeBytes(uint64(tensors.size()));
    marks.put("metadata_kv_count", out.size());
    out.writeBytes(uint64(entries.size()));
    for (Entry entry : entries) {
      String mark = "key/" + entry.name;
      marks.put(mark, out.size());
      out.writeBytes(sized(entry.key));
      marks.put(mark + "/type", out.size());
      out.writeBytes(uint32(entry.type));
      marks.put(mark + "/value", out.size());
      out.writeBytes(entry.payload);
    }
    writeTensors(out, marks);
    return new GgufImage(out.toByteArray(), marks);
  }

  private void writeTensors(ByteArrayOutputStream out, Map<String, Integer> marks) {
    long offset = 0;
    for (Tensor tensor : tensors) {
      String mark = "tensor/" + tensor.text;
      marks.put(mark, out.size());
      out.writeBytes(sized(tensor.name));
      marks.put(mark + "/n_dimensions", out.size());
      out.writeBytes(uint32(tensor.shape.length));
      marks.put(mark + "/dimensions", out.size());
      for (long size : tensor.shape) {
        out.writeBytes(uint64(size));
      }
      marks.put(mark + "/type", out.size());
      out.writeBytes(uint32(tensor.type));
      marks.put(mark + "/offset", out.size());
      out.writeBytes(uint64(offset));
      offset += padded(tensor.data.length);
    }
    out.writeBytes(new byte[padded(out.size()) - out.size()]);
    marks.put("data", out.size());
    for (Tensor tensor : tensors) {
      out.writeBytes(Arrays.copyOf(tensor.data, padded(tensor.data.length)));
    }
  }

  private int padded(int bytes) {
    return (bytes + alignment - 1) / alignment * alignment;
  }

  private static byte[] sized(byte[] bytes) {
    return little(8 + bytes.length, buffer -> buffer.putLong(bytes.length).put(bytes));
  }

  private static byte[] uint32(int value) {
    return little(4, buffer -> buffer.putInt(value));
  }

  private static byte[] uint64(long value) {
    return little(8, buffer -> buffer.putLong(value));
  }

  /** Encodes strings as the elements of an array. */
  public static byte[] elements(List<String> strings) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (String string : strings) {
      out.writeBytes(sized(string.getBytes(StandardCharsets.UTF_8)));
    }
    return out.toByteArray();
  }

  /** Creates little-endian bytes. */
  static byte[] little(int bytes, Consumer<ByteBuffer> put) {
    byte[] out = new byte[bytes];
    put.accept(ByteBuffer.wrap(out).order(ByteOrder.LITTLE_ENDIAN));
    return out;
  }
}
