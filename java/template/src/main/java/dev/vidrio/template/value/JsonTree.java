package dev.vidrio.template.value;

import dev.vidrio.error.InvalidInputException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * JSON as Java types: {@code Map} with {@code String} keys, {@code List}, {@code String}, {@code
 * Boolean}, {@code Number} and null.
 */
public final class JsonTree {

  /** The maximum nesting depth; leaves room for the list of messages. */
  private static final int MAX_DEPTH = Value.MAX_DEPTH - 2;

  private JsonTree() {}

  /**
   * Returns an unmodifiable deep copy of a map.
   *
   * @param field the name of the map in errors
   * @throws InvalidInputException if it nests too deep
   * @throws IllegalArgumentException if it contains a value that is not JSON
   */
  public static Map<String, @Nullable Object> copy(String field, Map<?, ?> map) {
    return copy(field, map, 1);
  }

  private static Map<String, @Nullable Object> copy(String field, Map<?, ?> map, int depth) {
    Map<String, @Nullable Object> copy = new LinkedHashMap<>();
    map.forEach(
        (name, value) -> {
          if (!(name instanceof String key)) {
            throw new IllegalArgumentException(field + ": key " + name + " is not a string");
          }
          copy.put(key, copyNode(field, value, depth));
        });
    return Collections.unmodifiableMap(copy);
  }

  private static @Nullable Object copyNode(String field, @Nullable Object node, int depth) {
    if (depth > MAX_DEPTH) {
      throw new InvalidInputException(field, "", "nests deeper than " + MAX_DEPTH + " levels");
    }
    return switch (node) {
      case null -> null;
      case String s -> s;
      case Boolean b -> b;
      case Number n -> number(field, n);
      case Map<?, ?> map -> copy(field, map, depth + 1);
      case List<?> list -> {
        List<@Nullable Object> copy = new ArrayList<>(list.size());
        list.forEach(item -> copy.add(copyNode(field, item, depth + 1)));
        yield Collections.unmodifiableList(copy);
      }
      default ->
          throw new IllegalArgumentException(
              field + ": a " + node.getClass().getName() + " is not JSON");
    };
  }

  private static Number number(String field, Number number) {
    return switch (number) {
      case BigInteger i when i.bitLength() > Numbers.MAX_BITS ->
          throw new InvalidInputException(
              field, "", "contains an integer of more than " + Numbers.MAX_BITS + " bits");
      case BigInteger i -> i;
      case BigDecimal d -> d.doubleValue();
      case Double d -> d;
      case Float f -> f.doubleValue();
      case Long l -> l;
      case Integer i -> i.longValue();
      case Short s -> s.longValue();
      case Byte b -> b.longValue();
      default ->
          throw new IllegalArgumentException(
              field + ": a " + number.getClass().getName() + " is not JSON");
    };
  }

  /** Converts the result of {@link #copy} to a template value. */
  public static Value toValue(@Nullable Object node) {
    return switch (node) {
      case null -> Value.NONE;
      case String s -> Value.of(s);
      case Boolean b -> Value.of(b.booleanValue());
      case Long l -> Value.of(l.longValue());
      case BigInteger i -> new Value.Int(i);
      case Double d -> new Value.Real(d);
      case Map<?, ?> map -> {
        Map<Value, Value> entries = new LinkedHashMap<>();
        map.forEach((key, value) -> entries.put(Value.of((String) key), toValue(value)));
        yield Value.map(entries);
      }
      case List<?> list -> Value.list(list.stream().map(JsonTree::toValue).toList());
      default -> throw new IllegalStateException(node.getClass().getName());
    };
  }

  /** Returns the number of characters of all strings and keys. */
  public static long characters(@Nullable Object node) {
    return switch (node) {
      case String s -> s.length();
      case Map<?, ?> map -> characters(map.keySet()) + characters(map.values());
      case Collection<?> nodes -> {
        long sum = 0;
        for (Object item : nodes) {
          sum += characters(item);
        }
        yield sum;
      }
      case null, default -> 0;
    };
  }
}
