package dev.vidrio.template.call;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.template.value.JsonTree;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * A call while it is read: its name is known, and its arguments arrive in pieces. For one reader;
 * not thread-safe.
 */
public final class ReadCall {
  private final String name;
  private final StringBuilder arguments = new StringBuilder();
  private @Nullable String id;
  private @Nullable Map<String, @Nullable Object> object;
  private boolean inString;
  private boolean isEscaped;

  /** Creates a call without arguments. */
  public ReadCall(String name, @Nullable String id) {
    this.name = name;
    this.id = id;
  }

  /** Returns the function's name. */
  public String name() {
    return name;
  }

  /** Returns the id that the model wrote, or null. */
  public @Nullable String id() {
    return id;
  }

  void setId(String id) {
    this.id = id;
  }

  /** Returns the arguments so far: the beginning of a JSON object. */
  public CharSequence arguments() {
    return arguments;
  }

  /** Returns whether the call is complete and its arguments are a JSON object. */
  public boolean isComplete() {
    return object != null;
  }

  /**
   * Adds JSON that the model wrote, without white space between its tokens. Control characters
   * within strings are escaped.
   */
  public void addJson(CharSequence json, int from, int to) {
    for (int i = from; i < to; i++) {
      char c = json.charAt(i);
      if (inString && c < ' ') {
        arguments.append(String.format("\\u%04x", (int) c));
      } else if (inString || !Character.isWhitespace(c)) {
        arguments.append(c);
      }
      if (isEscaped) {
        isEscaped = false;
      } else if (c == '\\') {
        isEscaped = inString;
      } else if (c == '"') {
        inString = !inString;
      }
    }
  }

  /** Adds JSON text that needs no escaping. */
  void add(String json) {
    arguments.append(json);
  }

  /** Adds the beginning of a member. */
  void addKey(String key) {
    arguments.append(arguments.isEmpty() ? "{" : ",").append(quoted(key)).append(':');
  }

  /** Adds the content of a string, between quotes that the caller adds. */
  void addText(String text) {
    String quoted = quoted(text);
    arguments.append(quoted, 1, quoted.length() - 1);
  }

  /** Replaces the arguments. */
  public void setArguments(String json) {
    arguments.setLength(0);
    arguments.append(json);
  }

  /** Marks the call as complete, and returns whether its arguments are a JSON object. */
  public boolean complete() {
    if (arguments.isEmpty()) {
      arguments.append("{}");
    }
    object = parse();
    return isComplete();
  }

  private @Nullable Map<String, @Nullable Object> parse() {
    try {
      Map<String, @Nullable Object> map =
          JsonMapper.shared().readValue(arguments.toString(), new TypeReference<>() {});
      return map == null ? null : JsonTree.copy("arguments", map);
    } catch (JacksonException | InvalidInputException e) {
      return null;
    }
  }

  /** Returns the arguments of a complete call. */
  public Optional<Map<String, @Nullable Object>> object() {
    return Optional.ofNullable(object);
  }

  static String quoted(String text) {
    return JsonMapper.shared().writeValueAsString(text);
  }
}
