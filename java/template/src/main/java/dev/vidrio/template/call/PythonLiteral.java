package dev.vidrio.template.call;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Parses literals of Python: strings, numbers, {@code True}, {@code False}, {@code None}, lists,
 * tuples and dicts. Their JSON spellings are accepted too.
 *
 * @see <a href="https://docs.python.org/3/reference/lexical_analysis.html#literals">Literals</a>
 */
final class PythonLiteral {
  private static final int MAX_DEPTH = 64;
  private static final String ESCAPES = "nrtbf'\"\\";
  private static final String ESCAPED = "\n\r\t\b\f'\"\\";

  private final String text;
  private int at;
  private int depth;

  private PythonLiteral(String text) {
    this.text = text;
  }

  /**
   * Returns a literal's value as JSON types.
   *
   * @throws IllegalArgumentException if the text is not a literal
   */
  static @Nullable Object parse(String text) {
    PythonLiteral literal = new PythonLiteral(text);
    Object value = literal.value();
    literal.skipSpace();
    if (literal.at < text.length()) {
      throw new IllegalArgumentException(text);
    }
    return value;
  }

  private void skipSpace() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
  }

  private boolean take(char c) {
    skipSpace();
    boolean found = at < text.length() && text.charAt(at) == c;
    at += found ? 1 : 0;
    return found;
  }

  private @Nullable Object value() {
    skipSpace();
    if (at == text.length() || ++depth > MAX_DEPTH) {
      throw new IllegalArgumentException(text);
    }
    try {
      return switch (text.charAt(at)) {
        case '"', '\'' -> string();
        case '[' -> list(']');
        case '(' -> list(')');
        case '{' -> dict();
        default -> word();
      };
    } finally {
      depth--;
    }
  }

  private List<@Nullable Object> list(char close) {
    at++;
    List<@Nullable Object> items = new ArrayList<>();
    while (!take(close)) {
      if (!items.isEmpty() && !take(',')) {
        throw new IllegalArgumentException(text);
      }
      if (take(close)) {
        break;
      }
      items.add(value());
    }
    return items;
  }

  private Map<String, @Nullable Object> dict() {
    at++;
    Map<String, @Nullable Object> members = new LinkedHashMap<>();
    while (!take('}')) {
      if (!members.isEmpty() && !take(',')) {
        throw new IllegalArgumentException(text);
      }
      if (take('}')) {
        break;
      }
      if (!(value() instanceof String key) || !take(':')) {
        throw new IllegalArgumentException(text);
      }
      members.put(key, value());
    }
    return members;
  }

  private String string() {
    char quote = text.charAt(at++);
    StringBuilder string = new StringBuilder();
    while (at < text.length() && text.charAt(at) != quote) {
      char c = text.charAt(at++);
      if (c != '\\' || at == text.length()) {
        string.append(c);
        continue;
      }
      char escape = text.charAt(at++);
      int known = ESCAPES.indexOf(escape);
      int digits = escape == 'u' ? 4 : escape == 'x' ? 2 : 0;
      if (known >= 0) {
        string.append(ESCAPED.charAt(known));
      } else if (digits > 0 && at + digits <= text.length()) {
        string.append((char) Integer.parseInt(text.substring(at, at + digits), 16));
        at += digits;
      } else if (escape == '/') {
        string.append('/');
      } else if (escape != '\n') {
        string.append(c).append(escape);
      }
    }
    if (at++ >= text.length()) {
      throw new IllegalArgumentException(text);
    }
    return string.toString();
  }

  private @Nullable Object word() {
    int from = at;
    while (at < text.length() && ",]})".indexOf(text.charAt(at)) < 0) {
      if (text.charAt(at) == ':') {
        break;
      }
      at++;
    }
    String word = text.substring(from, at).strip();
    return switch (word) {
      case "True", "true" -> true;
      case "False", "false" -> false;
      case "None", "null" -> null;
      default -> number(word);
    };
  }

  private static Object number(String word) {
    try {
      if (JsonMapper.shared().readValue(word, Object.class) instanceof Number number) {
        return number;
      }
    } catch (JacksonException e) {
      throw new IllegalArgumentException(word, e);
    }
    throw new IllegalArgumentException(word);
  }
}
