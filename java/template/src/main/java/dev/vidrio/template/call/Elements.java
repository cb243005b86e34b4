package dev.vidrio.template.call;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Converts values that are written as nested elements: members of objects by their names, and
 * elements of lists by the name {@code item}. Marks precede the tags, as in MiniMax M3.
 */
final class Elements {
  private static final int MAX_DEPTH = 32;
  private static final String ITEM = "item";

  private Elements() {}

  /**
   * Returns a value as JSON types.
   *
   * @param mark the text before the name in an opening tag, which ends with {@code <}
   */
  static @Nullable Object value(String text, String mark, ParameterTypes.Schema schema) {
    return value(text, mark, schema, 0);
  }

  private static @Nullable Object value(
      String text, String mark, ParameterTypes.Schema schema, int depth) {
    int at = afterSpace(text, 0);
    if (!text.startsWith(mark, at) || depth > MAX_DEPTH) {
      return ParameterTypes.value(schema, text);
    }
    List<@Nullable Object> items = new ArrayList<>();
    Map<String, @Nullable Object> members = new LinkedHashMap<>();
    while (text.startsWith(mark, at)) {
      int named = text.indexOf('>', at + mark.length());
      String name = named < 0 ? "" : text.substring(at + mark.length(), named);
      String close = mark + "/" + name + ">";
      int end = named < 0 ? -1 : end(text, named, mark + name + ">", close);
      if (end < 0) {
        return text;
      }
      Object value =
          value(
              text.substring(named + 1, end), mark, schema.of(name, name.equals(ITEM)), depth + 1);
      items.add(value);
      members.put(name, value);
      at = afterSpace(text, end + close.length());
    }
    return members.keySet().equals(Set.of(ITEM)) ? items : members;
  }

  private static int afterSpace(String text, int from) {
    int at = from;
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
    return at;
  }

  /** Returns where the element's closing tag begins, after nested elements of its name. */
  private static int end(String text, int from, String open, String close) {
    int depth = 1;
    int at = from;
    int closing = text.indexOf(close, at);
    while (closing >= 0) {
      int opening = text.indexOf(open, at, closing);
      if (opening >= 0) {
        depth++;
        at = opening + open.length();
      } else if (--depth == 0) {
        return closing;
      } else {
        at = closing + close.length();
        closing = text.indexOf(close, at);
      }
    }
    return -1;
  }
}
