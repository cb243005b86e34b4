package dev.vidrio.template;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Parses tool calls in the format of Gemma 4, {@code call:name{key:value,…}}: JSON with unquoted
 * keys, and with strings between {@code <|"|>} tokens that escape nothing.
 */
final class GemmaCalls {
  private static final String NAME = "call:";
  private static final String QUOTE = "<|\"|>";
  private static final int MAX_DEPTH = 64;
  private static final Pattern WORD =
      Pattern.compile("true|false|null|-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]{1,3})?");

  private final String text;
  private int at;
  private int depth;

  private GemmaCalls(String text) {
    this.text = text;
  }

  /** Returns the tool call of a text; empty if the text is something else. */
  static Optional<ToolCall> read(String text) {
    String call = text.strip();
    int open = call.indexOf('{');
    if (!call.startsWith(NAME) || open < 0) {
      return Optional.empty();
    }
    String name = call.substring(NAME.length(), open).strip();
    var reader = new GemmaCalls(call);
    reader.at = open;
    try {
      Map<String, @Nullable Object> arguments = reader.object();
      return name.isEmpty() || reader.at < call.length()
          ? Optional.empty()
          : Optional.of(new ToolCall(null, name, arguments));
    } catch (Malformed e) {
      return Optional.empty();
    }
  }

  /** Thrown for a text that is not a call. */
  private static final class Malformed extends RuntimeException {
    private static final long serialVersionUID = 1;

    Malformed() {
      super(null, null, false, false);
    }
  }

  private Map<String, @Nullable Object> object() {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    expect("{");
    if (!accept("}")) {
      do {
        object.put(key(), value());
      } while (accept(","));
      expect("}");
    }
    return object;
  }

  private String key() {
    String key = accept(QUOTE) ? quoted() : until(":").strip();
    expect(":");
    if (key.isEmpty()) {
      throw new Malformed();
    }
    return key;
  }

  private @Nullable Object value() {
    if (++depth > MAX_DEPTH) {
      throw new Malformed();
    }
    skipSpace();
    @Nullable Object value;
    if (accept(QUOTE)) {
      value = quoted();
    } else if (text.startsWith("{", at)) {
      value = object();
    } else if (text.startsWith("[", at)) {
      value = list();
    } else {
      value = word();
    }
    depth--;
    return value;
  }

  private List<@Nullable Object> list() {
    List<@Nullable Object> list = new ArrayList<>();
    expect("[");
    if (!accept("]")) {
      do {
        list.add(value());
      } while (accept(","));
      expect("]");
    }
    return list;
  }

  private @Nullable Object word() {
    Matcher matcher = WORD.matcher(text).region(at, text.length());
    if (!matcher.lookingAt()) {
      throw new Malformed();
    }
    at = matcher.end();
    String word = matcher.group();
    return switch (word) {
      case "true" -> true;
      case "false" -> false;
      case "null" -> null;
      default -> number(word);
    };
  }

  private static Number number(String word) {
    BigDecimal number = new BigDecimal(word);
    boolean whole = word.chars().allMatch(c -> c == '-' || Character.isDigit(c));
    if (!whole) {
      return number.doubleValue();
    }
    if (number.precision() > 18) {
      return number.toBigInteger();
    }
    long value = number.longValueExact();
    return value == (int) value ? (Number) (int) value : (Number) value;
  }

  private String quoted() {
    String string = until(QUOTE);
    expect(QUOTE);
    return string;
  }

  private String until(String end) {
    int stop = text.indexOf(end, at);
    if (stop < 0) {
      throw new Malformed();
    }
    String before = text.substring(at, stop);
    at = stop;
    return before;
  }

  private void expect(String token) {
    if (!accept(token)) {
      throw new Malformed();
    }
  }

  private boolean accept(String token) {
    skipSpace();
    boolean there = text.startsWith(token, at);
    at += there ? token.length() : 0;
    return there;
  }

  private void skipSpace() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
  }
}
