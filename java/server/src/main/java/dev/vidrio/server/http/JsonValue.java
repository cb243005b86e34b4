package dev.vidrio.server.http;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A value in a request with its path, such as {@code messages[2].content}. The accessors throw an
 * {@link ApiException} (400) that names the path if the value has another type or is out of range.
 *
 * @param path the path
 * @param node the value
 * @param listener receives what is read
 */
public record JsonValue(String path, JsonNode node, FieldListener listener) {

  /** Creates a value that is read unnoticed. */
  public JsonValue(String path, JsonNode node) {
    this(path, node, FieldListener.NONE);
  }

  /** Returns whether the value is a string. */
  public boolean isString() {
    return node.isString();
  }

  /** Returns whether the value is an array. */
  public boolean isArray() {
    return node.isArray();
  }

  /** Returns whether the value is an object. */
  public boolean isObject() {
    return node.isObject();
  }

  /** Returns whether the value is an integer. */
  public boolean isInteger() {
    return node.isIntegralNumber();
  }

  /** Returns a 400 with the path, the value and a limit. */
  public ApiException error(String limit) {
    return node.isContainer()
        ? ApiException.invalid(path, limit)
        : ApiException.invalid(path, shortened(node.toString()), limit);
  }

  private static String shortened(String text) {
    return text.length() <= 100 ? text : text.substring(0, 100) + "…";
  }

  /** Returns the string. */
  public String string() {
    listener.read(path, Map.of("type", "string"));
    if (!node.isString()) {
      throw error("must be a string");
    }
    String string = node.stringValue();
    if (string.codePoints().anyMatch(c -> Character.getType(c) == Character.SURROGATE)) {
      throw ApiException.invalid(path, "contains an unpaired surrogate");
    }
    return string;
  }

  /** Returns the boolean. */
  public boolean bool() {
    listener.read(path, Map.of("type", "boolean"));
    if (!node.isBoolean()) {
      throw error("must be true or false");
    }
    return node.booleanValue();
  }

  /** Returns an integer from {@code min} to {@code max}. */
  public long integer(long min, long max) {
    listener.read(path, Map.of("type", "integer", "minimum", min, "maximum", max));
    if (!node.isIntegralNumber()
        || !node.canConvertToLong()
        || node.longValue() < min
        || node.longValue() > max) {
      throw error("must be an integer from " + min + " to " + max);
    }
    return node.longValue();
  }

  /** Returns an integer from {@code min} to {@code max}. */
  public int integer(int min, int max) {
    return (int) integer((long) min, (long) max);
  }

  /** Returns a number from {@code min} to {@code max}. */
  public double number(double min, double max) {
    listener.read(path, Map.of("type", "number", "minimum", min, "maximum", max));
    double value = node.isNumber() ? node.doubleValue() : Double.NaN;
    if (!(value >= min && value <= max)) {
      throw error("must be a number from " + plain(min) + " to " + plain(max));
    }
    return value;
  }

  private static String plain(double value) {
    boolean isShort = value == Math.rint(value) && Math.abs(value) < 1e15;
    return isShort ? Long.toString((long) value) : Double.toString(value);
  }

  /** Returns the elements of an array of {@code min} to {@code max} elements. */
  public List<JsonValue> elements(int min, int max) {
    listener.read(path, Map.of("type", "array", "minItems", min, "maxItems", max));
    if (!node.isArray()) {
      throw error("must be an array");
    }
    if (node.size() < min || node.size() > max) {
      throw ApiException.invalid(
          path,
          "of " + node.size() + " elements",
          "must have " + (max == Integer.MAX_VALUE ? min + " or more" : min + " to " + max));
    }
    return IntStream.range(0, node.size())
        .mapToObj(i -> new JsonValue(path + "[" + i + "]", node.get(i), listener))
        .toList();
  }

  /** Returns the fields of an object. */
  public JsonFields fields() {
    listener.read(path, Map.of("type", "object"));
    if (!node.isObject()) {
      throw error("must be an object");
    }
    return new JsonFields(path, node, listener);
  }

  /** Returns an array of token ids. */
  public int[] tokens() {
    return elements(0, Integer.MAX_VALUE).stream()
        .mapToInt(id -> id.integer(0, Integer.MAX_VALUE))
        .toArray();
  }

  /** Returns the value as a tree of maps, lists, strings, numbers and booleans. */
  public Object tree() {
    return JsonMapper.shared().treeToValue(node, Object.class);
  }
}
