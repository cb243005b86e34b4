package dev.vidrio.formats.gguf;

import dev.vidrio.error.ModelFileException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The key-value metadata of a GGUF file: hyperparameters, tokenizer, provenance.
 *
 * <p>Getters validate what they return: a missing key, a wrong type and a value outside the limits
 * all cause a {@link ModelFileException} that names file, key, value and limit. An integer may be
 * stored in any width and sign as long as its value fits; a floating-point number in either
 * precision. Getters with a {@code fallback} return it, unchecked, if the key is missing.
 *
 * {@snippet file="FormatExamples.java" region="metadata"}
 *
 * <p>Strings must be UTF-8, as the format requires. This is checked when a string is read, so an
 * ill-formed value under an unused key is harmless.
 *
 * <p>Instances are immutable and thread-safe.
 *
 * @see <a
 *     href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#standardized-key-value-pairs">Standardized
 *     keys</a>
 * @param file the name of the file in errors
 * @param entries all entries, unmodifiable, in the order of the file
 */
public record Metadata(String file, Map<String, GgufValue> entries) {

  /** The maximum array length of the getters: four times the largest known vocabulary. */
  public static final int MAX_ELEMENTS = 1 << 20;

  /** The maximum size of an array of strings, in bytes of the file. */
  private static final int MAX_STRING_BYTES = 1 << 28;

  /** Returns whether a key exists. */
  public boolean contains(String key) {
    return entries.containsKey(key);
  }

  /** Returns the raw value of a key, if it exists. */
  public Optional<GgufValue> find(String key) {
    return Optional.ofNullable(entries.get(key));
  }

  /** Returns a string. */
  public String string(String key) {
    return text(key, required(key));
  }

  /** Returns a string, if the key exists. */
  public Optional<String> optionalString(String key) {
    return find(key).map(value -> text(key, value));
  }

  private String text(String key, GgufValue value) {
    if (!(value instanceof GgufValue.Text text)) {
      throw wrongType(key, value, "a string");
    }
    byte[] utf8 = text.utf8().toArray(ValueLayout.JAVA_BYTE);
    return decode(key, -1, utf8, 0, utf8.length);
  }

  /** Returns an integer from {@code min} to {@code max}. */
  public int intValue(String key, int min, int max) {
    return (int) longValue(key, min, max);
  }

  /** Returns an integer from {@code min} to {@code max}, or the fallback. */
  public int intValue(String key, int min, int max, int fallback) {
    return contains(key) ? intValue(key, min, max) : fallback;
  }

  /** Returns an integer from {@code min} to {@code max}. */
  public long longValue(String key, long min, long max) {
    GgufValue.Int number = required(key, GgufValue.Int.class, "an integer");
    if (!number.fitsLong() || number.value() < min || number.value() > max) {
      throw error(key, number.toString(), range(min, max));
    }
    return number.value();
  }

  /** Returns an integer from {@code min} to {@code max}, or the fallback. */
  public long longValue(String key, long min, long max, long fallback) {
    return contains(key) ? longValue(key, min, max) : fallback;
  }

  /**
   * Returns a floating-point number from {@code min} to {@code max}; never NaN. Double precision is
   * rounded to single.
   */
  public float floatValue(String key, float min, float max) {
    GgufValue.Real number = required(key, GgufValue.Real.class, "a floating-point number");
    float rounded = (float) number.value();
    if (!(rounded >= min && rounded <= max)) {
      throw error(key, number.toString(), "must be " + min + " to " + max);
    }
    return rounded;
  }

  /** Returns a floating-point number from {@code min} to {@code max}, or the fallback. */
  public float floatValue(String key, float min, float max, float fallback) {
    return contains(key) ? floatValue(key, min, max) : fallback;
  }

  /** Returns a boolean. */
  public boolean boolValue(String key) {
    GgufValue.Bool bool = required(key, GgufValue.Bool.class, "a bool");
    return bool.value();
  }

  /** Returns a boolean, or the fallback. */
  public boolean boolValue(String key, boolean fallback) {
    return contains(key) ? boolValue(key) : fallback;
  }

  /** Returns an array of at most {@link #MAX_ELEMENTS} strings as an unmodifiable list. */
  public List<String> strings(String key) {
    GgufValue.Array array = array(key);
    if (array.elementType() != GgufValueType.STRING && array.length() > 0) {
      throw wrongType(key, array, "an array of strings");
    }
    if (array.data().byteSize() > MAX_STRING_BYTES) {
      throw error(key, array.toString(), "must have at most " + MAX_STRING_BYTES + " bytes");
    }
    // Copied to the heap at once: a view per string would cost more than the string.
    ByteBuffer bytes = ByteBuffer.wrap(array.data().toArray(ValueLayout.JAVA_BYTE));
    bytes.order(ByteOrder.LITTLE_ENDIAN);
    List<String> strings = new ArrayList<>(array.length());
    for (int i = 0; i < array.length(); i++) {
      int length = (int) bytes.getLong();
      strings.add(decode(key, i, bytes.array(), bytes.position(), length));
      bytes.position(bytes.position() + length);
    }
    return Collections.unmodifiableList(strings);
  }

  /** Returns an array of at most {@link #MAX_ELEMENTS} integers that fit an {@code int}. */
  public int[] ints(String key) {
    return ints(key, Integer.MIN_VALUE, Integer.MAX_VALUE);
  }

  /** Returns an array of at most {@link #MAX_ELEMENTS} integers from {@code min} to {@code max}. */
  public int[] ints(String key, int min, int max) {
    GgufValue.Array array = array(key);
    if (!array.elementType().isInteger()) {
      throw wrongType(key, array, "an array of integers");
    }
    int[] values = new int[array.length()];
    for (int i = 0; i < values.length; i++) {
      GgufValue.Int element = new GgufValue.Int(array.elementType(), array.integer(i));
      if (!element.fitsLong() || element.value() < min || element.value() > max) {
        throw error(key, i, element.toString(), range(min, max));
      }
      values[i] = (int) element.value();
    }
    return values;
  }

  /**
   * Returns an array of at most {@link #MAX_ELEMENTS} floating-point numbers, without a range
   * check. Double precision is rounded to single.
   */
  public float[] floats(String key) {
    GgufValue.Array array = realArray(key);
    float[] values = new float[array.length()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) array.real(i);
    }
    return values;
  }

  /**
   * Returns an array of at most {@link #MAX_ELEMENTS} floating-point numbers in double precision,
   * without a range check.
   */
  public double[] doubles(String key) {
    GgufValue.Array array = realArray(key);
    double[] values = new double[array.length()];
    Arrays.setAll(values, array::real);
    return values;
  }

  private GgufValue.Array realArray(String key) {
    GgufValue.Array array = array(key);
    if (!array.elementType().isReal()) {
      throw wrongType(key, array, "an array of floating-point numbers");
    }
    return array;
  }

  /**
   * Creates the exception for an invalid value, for checks that the getters do not make.
   *
   * @param value the value found, or an empty string
   * @param limit what is wrong and what is allowed
   */
  public ModelFileException error(String key, String value, String limit) {
    return new ModelFileException(file, "key '" + key + "'", value, limit);
  }

  /** Creates the exception for an invalid element of an array. */
  public ModelFileException error(String key, int index, String value, String limit) {
    return new ModelFileException(file, "key '" + key + "'[" + index + "]", value, limit);
  }

  private GgufValue required(String key) {
    return find(key).orElseThrow(() -> error(key, "", "is missing"));
  }

  private <T extends GgufValue> T required(String key, Class<T> type, String expected) {
    GgufValue value = required(key);
    if (!type.isInstance(value)) {
      throw wrongType(key, value, expected);
    }
    return type.cast(value);
  }

  private GgufValue.Array array(String key) {
    GgufValue.Array array = required(key, GgufValue.Array.class, "an array");
    if (array.length() > MAX_ELEMENTS) {
      throw error(key, array.toString(), "must have at most " + MAX_ELEMENTS + " elements");
    }
    return array;
  }

  /**
   * Decodes a string.
   *
   * @param index the index in an array, or −1 for a plain string
   */
  private String decode(String key, int index, byte[] utf8, int offset, int length) {
    String decoded = new String(utf8, offset, length, StandardCharsets.UTF_8);
    // The lenient decoder is faster; only a replacement character requires the strict one.
    if (decoded.indexOf('\ufffd') >= 0) {
      try {
        ByteBuffer bytes = ByteBuffer.wrap(utf8, offset, length);
        return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
      } catch (CharacterCodingException e) {
        var text = new GgufValue.Text(MemorySegment.ofArray(utf8).asSlice(offset, length));
        String limit = "is not UTF-8";
        throw index < 0
            ? error(key, text.toString(), limit)
            : error(key, index, text.toString(), limit);
      }
    }
    return decoded;
  }

  private ModelFileException wrongType(String key, GgufValue value, String expected) {
    return error(key, value.toString(), "is of type " + value.type() + ", must be " + expected);
  }

  private static String range(long min, long max) {
    return "must be " + min + " to " + max;
  }
}
