package dev.vidrio.template.call;

import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads the JSON object of a call. Keys come in any order and in the spellings of several models;
 * braces may be doubled, the arguments may be JSON in a string, and the function may be an object
 * of its own, as in OpenAI's API.
 */
final class ObjectReader {
  private static final Set<String> NAMES = Set.of("name", "tool_name");
  private static final Set<String> ARGUMENTS = Set.of("arguments", "parameters");
  private static final Set<String> IDS = Set.of("id", "tool_call_id");
  private static final Set<String> OTHERS = Set.of("type", "function");

  private static final Set<String> KEYS =
      Stream.of(NAMES, ARGUMENTS, IDS, OTHERS)
          .flatMap(Set::stream)
          .collect(Collectors.toUnmodifiableSet());

  /** The length of the longest of these keys, if each of its characters is an escape. */
  private static final int MAX_ESCAPED_KEY = "tool_call_id".length() * "\\u0000".length();

  private enum State {
    BEGIN,
    KEY,
    COLON,
    VALUE,
    ARGUMENTS,
    AFTER,
    END
  }

  private final CallCursor cursor;
  private final ParameterTypes tools;
  private final boolean isMarked;
  private final boolean isKeyed;
  private State state = State.BEGIN;
  private int braces;
  private String key = "";
  private @Nullable String name;
  private @Nullable String id;
  private @Nullable String held;
  private @Nullable ReadCall call;
  private @Nullable JsonScanner scanner;
  private boolean isDoubled;
  private boolean hasDoubledArguments;
  private boolean hasArguments;
  private int copied;

  /**
   * Creates a reader of one object.
   *
   * @param isMarked true if a mark precedes the object; otherwise it needs a call's keys, so that
   *     other JSON is recognized at its first key
   * @param isKeyed true if the object's only key is the name
   */
  ObjectReader(CallCursor cursor, ParameterTypes tools, boolean isMarked, boolean isKeyed) {
    this.cursor = cursor;
    this.tools = tools;
    this.isMarked = isMarked;
    this.isKeyed = isKeyed;
  }

  /** Returns the call, once its name is known, and without a mark also its first argument. */
  Optional<ReadCall> call() {
    return Optional.ofNullable(call);
  }

  /** Returns whether the name of a tool was read. */
  boolean isNamed() {
    return name != null && tools.contains(name);
  }

  Step read() {
    while (true) {
      Step step =
          switch (state) {
            case BEGIN -> begin();
            case KEY -> key();
            case COLON -> colon();
            case VALUE -> value();
            case ARGUMENTS -> arguments();
            case AFTER -> after();
            case END -> Step.DONE;
          };
      if (step != Step.DONE || state == State.END) {
        return step;
      }
    }
  }

  /** Reads an opening brace, or a doubled one. */
  private Step begin() {
    if (!cursor.skipSpace()) {
      return cursor.more();
    }
    if (cursor.text.charAt(cursor.at) != '{') {
      return Step.FAIL;
    }
    int next = cursor.at + 1;
    if (next == cursor.text.length()) {
      return cursor.more();
    }
    boolean isSecond = cursor.text.charAt(next) == '{';
    isDoubled |= isSecond;
    cursor.at = isSecond ? next + 1 : next;
    braces += isSecond ? 2 : 1;
    state = State.KEY;
    return Step.DONE;
  }

  private Step key() {
    if (!cursor.skipSpace()) {
      return cursor.more();
    }
    if (cursor.text.charAt(cursor.at) == '}') {
      state = State.AFTER;
      return Step.DONE;
    }
    if (cursor.text.charAt(cursor.at) != '"') {
      return Step.FAIL;
    }
    if (scanner == null) {
      scanner = new JsonScanner(cursor.at);
    }
    boolean isEnded = scanner.scan(cursor.text);
    int end = scanner.position();
    if (!isEnded) {
      return isMarked || mayBeKey(cursor.at + 1, end) ? cursor.more() : Step.FAIL;
    }
    cursor.reach(end);
    String read = string(cursor.text.substring(cursor.at, end));
    if (read == null || !(isMarked || KEYS.contains(read))) {
      return Step.FAIL;
    }
    key = read;
    cursor.at = end;
    scanner = null;
    state = State.COLON;
    return Step.DONE;
  }

  private Step colon() {
    if (!cursor.skipSpace()) {
      return cursor.more();
    }
    if (cursor.text.charAt(cursor.at) != ':') {
      return Step.FAIL;
    }
    cursor.at++;
    state = State.VALUE;
    return Step.DONE;
  }

  /** Returns the possible first keys of a call. */
  static Set<String> keys() {
    return KEYS;
  }

  /** Returns whether the beginning of a key may become one of a call that is not marked. */
  private boolean mayBeKey(int from, int to) {
    if (to - from > MAX_ESCAPED_KEY) {
      return false;
    }
    String begun = cursor.text.substring(from, to);
    return begun.contains("\\") || KEYS.stream().anyMatch(known -> known.startsWith(begun));
  }

  private Step value() {
    if (!cursor.skipSpace()) {
      return cursor.more();
    }
    char first = cursor.text.charAt(cursor.at);
    if (isKeyed) {
      name = key;
    }
    if ((isKeyed || ARGUMENTS.contains(key)) && first == '{') {
      return beginArguments();
    }
    if (key.equals("function") && first == '{') {
      state = State.BEGIN;
      return Step.DONE;
    }
    if (scanner == null) {
      scanner = new JsonScanner(cursor.at);
    }
    if (!scanner.scan(cursor.text)) {
      return cursor.more();
    }
    cursor.reach(scanner.position());
    String json = cursor.text.substring(cursor.at, scanner.position());
    if (!take(json)) {
      return Step.FAIL;
    }
    cursor.at = scanner.position();
    scanner = null;
    state = State.AFTER;
    return Step.DONE;
  }

  /** Takes the value of a key. */
  private boolean take(String json) {
    String string = string(json);
    if (NAMES.contains(key) || (key.equals("function") && string != null)) {
      name = string;
      if (string == null || !tools.contains(string)) {
        return false;
      }
      if (isMarked) {
        call = new ReadCall(string, id);
      }
      return true;
    }
    if (IDS.contains(key)) {
      id = string == null ? json : string;
      if (call != null) {
        call.setId(id);
      }
      return true;
    }
    if (ARGUMENTS.contains(key)) {
      held = string == null ? json : string;
      return string != null || json.equals("null");
    }
    return true;
  }

  private static @Nullable String string(String json) {
    try {
      return JsonMapper.shared().readValue(json, Object.class) instanceof String string
          ? string
          : null;
    } catch (JacksonException e) {
      return null;
    }
  }

  private Step beginArguments() {
    if (name != null && !tools.contains(name)) {
      return Step.FAIL;
    }
    int next = cursor.at + 1;
    if (next == cursor.text.length()) {
      return cursor.more();
    }
    hasDoubledArguments = cursor.text.charAt(next) == '{';
    if (hasDoubledArguments) {
      braces++;
      cursor.at = next;
    }
    scanner = new JsonScanner(cursor.at);
    copied = cursor.at;
    if (name != null && call == null) {
      call = new ReadCall(name, id);
    }
    hasArguments = true;
    state = State.ARGUMENTS;
    return Step.DONE;
  }

  private Step arguments() {
    JsonScanner arguments = Objects.requireNonNull(scanner);
    boolean isEnded = arguments.scan(cursor.text);
    int end = arguments.position();
    if (call != null) {
      call.addJson(cursor.text, copied, end);
      copied = end;
    }
    if (!isEnded) {
      return cursor.more();
    }
    cursor.reach(end);
    if (call == null) {
      held = cursor.text.substring(copied, end);
    }
    cursor.at = end;
    scanner = null;
    if (hasDoubledArguments) {
      // Closes the doubled brace, or the object if the brace is not closed.
      isDoubled = true;
    }
    state = State.AFTER;
    return Step.DONE;
  }

  /** Reads a comma, or closing braces. */
  private Step after() {
    while (true) {
      if (!cursor.skipSpace()) {
        // A closing brace that is missing at the end of the response is not needed.
        return cursor.isEnded && hasArguments && call != null ? end() : cursor.more();
      }
      char c = cursor.text.charAt(cursor.at);
      if (c == ',') {
        cursor.at++;
        state = State.KEY;
        return Step.DONE;
      }
      if (c != '}') {
        // Models that double the first brace may close it once.
        return braces == 1 && hasArguments && call != null && isDoubled ? end() : Step.FAIL;
      }
      cursor.at++;
      if (--braces == 0) {
        return end();
      }
    }
  }

  private Step end() {
    if (name == null || !tools.contains(name)) {
      return Step.FAIL;
    }
    if (call == null) {
      if (held == null) {
        return Step.FAIL;
      }
      call = new ReadCall(name, id);
    }
    if (held != null && !held.isBlank() && !held.equals("null")) {
      call.addJson(held, 0, held.length());
    }
    state = State.END;
    return call.complete() ? Step.DONE : Step.FAIL;
  }
}
