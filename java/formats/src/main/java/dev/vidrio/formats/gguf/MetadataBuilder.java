package dev.vidrio.formats.gguf;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Builds the metadata of a file to be written, or of a model in another format. Putting an existing
 * key replaces its value and keeps its position. Not thread-safe.
 */
public final class MetadataBuilder {

  private final Map<String, GgufValue> entries;
  private final String prefix;

  /** Makes an empty collection. */
  public MetadataBuilder() {
    this(new LinkedHashMap<>(), "");
  }

  private MetadataBuilder(Map<String, GgufValue> entries, String prefix) {
    this.entries = entries;
    this.prefix = prefix;
  }

  /**
   * Returns a view that puts a prefix before each key and shares the entries of this builder.
   *
   * @param newPrefix {@code llama.}
   */
  public MetadataBuilder scope(String newPrefix) {
    return new MetadataBuilder(entries, prefix + newPrefix);
  }

  /** Creates a builder with a file's keys; strings and arrays remain views of the file. */
  public static MetadataBuilder of(Metadata metadata) {
    MetadataBuilder builder = new MetadataBuilder();
    builder.entries.putAll(metadata.entries());
    return builder;
  }

  /** Puts a value. */
  public MetadataBuilder put(String key, GgufValue value) {
    entries.put(prefix + key, value);
    return this;
  }

  /** Removes a key, if it exists. */
  public MetadataBuilder remove(String key) {
    entries.remove(prefix + key);
    return this;
  }

  /** Puts a string. */
  public MetadataBuilder string(String key, String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    return put(key, new GgufValue.Text(MemorySegment.ofArray(utf8)));
  }

  /**
   * Puts an integer as {@code uint32}.
   *
   * @throws IllegalArgumentException if it is negative
   */
  public MetadataBuilder integer(String key, int value) {
    if (value < 0) {
      throw new IllegalArgumentException(prefix + key + " " + value + " is negative");
    }
    return put(key, new GgufValue.Int(GgufValueType.UINT32, value));
  }

  /** Puts a floating-point number as {@code float32}. */
  public MetadataBuilder real(String key, double value) {
    return put(key, new GgufValue.Real(GgufValueType.FLOAT32, (float) value));
  }

  /** Puts a boolean. */
  public MetadataBuilder bool(String key, boolean value) {
    return put(key, new GgufValue.Bool(value));
  }

  /** Puts an array of strings. */
  public MetadataBuilder strings(String key, List<String> values) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (String value : values) {
      byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
      byte[] length = new byte[Long.BYTES];
      little(length).putLong(utf8.length);
      out.writeBytes(length);
      out.writeBytes(utf8);
    }
    return array(key, GgufValueType.STRING, values.size(), out.toByteArray());
  }

  /** Puts an array of booleans. */
  public MetadataBuilder bools(String key, List<Boolean> values) {
    byte[] data = new byte[values.size()];
    for (int i = 0; i < data.length; i++) {
      data[i] = (byte) (values.get(i) ? 1 : 0);
    }
    return array(key, GgufValueType.BOOL, data.length, data);
  }

  /** Puts an array of {@code int32}. */
  public MetadataBuilder integers(String key, int[] values) {
    byte[] data = new byte[Math.multiplyExact(values.length, Integer.BYTES)];
    little(data).asIntBuffer().put(values);
    return array(key, GgufValueType.INT32, values.length, data);
  }

  /** Puts an array of {@code float32}. */
  public MetadataBuilder reals(String key, float[] values) {
    byte[] data = new byte[Math.multiplyExact(values.length, Float.BYTES)];
    little(data).asFloatBuffer().put(values);
    return array(key, GgufValueType.FLOAT32, values.length, data);
  }

  /** Puts an array of {@code float64}. */
  public MetadataBuilder doubles(String key, double[] values) {
    byte[] data = new byte[Math.multiplyExact(values.length, Double.BYTES)];
    little(data).asDoubleBuffer().put(values);
    return array(key, GgufValueType.FLOAT64, values.length, data);
  }

  private MetadataBuilder array(String key, GgufValueType type, int length, byte[] data) {
    return put(key, new GgufValue.Array(type, length, MemorySegment.ofArray(data)));
  }

  private static ByteBuffer little(byte[] data) {
    return ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Returns the metadata.
   *
   * @param file the name of the file in errors
   */
  public Metadata build(String file) {
    return new Metadata(file, Collections.unmodifiableMap(new LinkedHashMap<>(entries)));
  }
}
