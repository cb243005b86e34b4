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
    String rest = text.strip();
    if (!rest.startsWith(mark) || depth > MAX_DEPTH) {
      return ParameterTypes.value(schema, text);
    }
    List<@Nullable Object> items = new ArrayList<>();
    Map<String, @Nullable Object> members = new LinkedHashMap<>();
    while (rest.startsWith(mark)) {
      int named = rest.indexOf('>', mark.length());
      String name = named < 0 ? "" : rest.substring(mark.length(), named);
      String close = mark + "/" + name + ">";
      int end = named < 0 ? -1 : end(rest, named, mark + name + ">", close);
      if (end < 0) {
        return text;
      }
      Object value =
          value(
              rest.substring(named + 1, end), mark, schema.of(name, name.equals(ITEM)), depth + 1);
      items.add(value);
      members.put(name, value);
      rest = rest.substring(end + close.length()).stripLeading();
    }
    return members.keySet().equals(Set.of(ITEM)) ? items : members;
  }

  /** Returns where the element's closing tag begins, after nested elements of its name. */
  private static int end(String text, int from, String open, String close) {
    int depth = 1;
    int at = from;
    while (true) {
      int closing = text.indexOf(close, at);
      int opening = text.indexOf(open, at);
      if (closing < 0) {
        return -1;
      }
      if (opening >= 0 && opening < closing) {
        depth++;
        at = opening + open.length();
      } else if (--depth == 0) {
        return closing;
      } else {
        at = closing + close.length();
      }
    }
  }
}
