package dev.vidrio.model.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the JSON of golden files, which is known to be well formed. */
final class JsonReader {

  private final String text;
  private int position;

  private JsonReader(String text) {
    this.text = text;
  }

  static @Nullable Object read(String text) {
    return new JsonReader(text).value();
  }

  private @Nullable Object value() {
    char c = peek();
    switch (c) {
      case '{' -> {
        return object();
      }
      case '[' -> {
        return array();
      }
      case '"' -> {
        return string();
      }
      default -> {
        return atom();
      }
    }
  }

  private char peek() {
    while (" \n".indexOf(text.charAt(position)) >= 0) {
      position++;
    }
    return text.charAt(position);
  }

  private boolean skip(char c) {
    boolean matches = peek() == c;
    position += matches ? 1 : 0;
    return matches;
  }

  private Map<String, @Nullable Object> object() {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    position++;
    while (!skip('}')) {
      peek();
      String key = string();
      skip(':');
      object.put(key, value());
      skip(',');
    }
    return object;
  }

  private List<@Nullable Object> array() {
    List<@Nullable Object> array = new ArrayList<>();
    position++;
    while (!skip(']')) {
      array.add(value());
      skip(',');
    }
    return array;
  }

  private String string() {
    StringBuilder out = new StringBuilder();
    position++;
    for (char c = text.charAt(position++); c != '"'; c = text.charAt(position++)) {
      if (c != '\\') {
        out.append(c);
        continue;
      }
      char escape = text.charAt(position++);
      switch (escape) {
        case 'n' -> out.append('\n');
        case 't' -> out.append('\t');
        case 'r' -> out.append('\r');
        case 'b' -> out.append('\b');
        case 'f' -> out.append('\f');
        case 'u' -> {
          out.append((char) Integer.parseInt(text.substring(position, position + 4), 16));
          position += 4;
        }
        default -> out.append(escape);
      }
    }
    return out.toString();
  }

  private @Nullable Object atom() {
    int start = position;
    while (position < text.length() && ",]} \n".indexOf(text.charAt(position)) < 0) {
      position++;
    }
    String atom = text.substring(start, position);
    return switch (atom) {
      case "null" -> null;
      case "true" -> true;
      case "false" -> false;
      default ->
          atom.chars().allMatch(c -> c == '-' || Character.isDigit(c))
              ? new BigInteger(atom)
              : Double.valueOf(atom);
    };
  }
}
