package dev.vidrio.template.operation;

import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The methods of Python's strings. Methods of a string marked safe return strings marked safe. */
public final class StringMethods {

  private static final Map<String, Body> ALL = new HashMap<>();

  /** Python's methods that no known template uses; calling one is an error. */
  private static final Set<String> UNSUPPORTED =
      Set.of("encode", "expandtabs", "format_map", "isidentifier", "maketrans", "translate");

  static {
    stripping("strip", true, true);
    stripping("lstrip", true, false);
    stripping("rstrip", false, true);
    mapping("upper", Strings::upper);
    mapping("lower", Strings::lower);
    mapping("casefold", Strings::lower);
    mapping("title", Strings::title);
    mapping("capitalize", Strings::capitalize);
    mapping("swapcase", Strings::swapCase);
    predicate("isalnum", Character::isLetterOrDigit);
    predicate("isalpha", Character::isLetter);
    predicate("isdecimal", Character::isDigit);
    predicate("isdigit", Character::isDigit);
    predicate("isnumeric", Character::isDigit);
    predicate("isspace", Strings::isSpace);
    ALL.put("isascii", (m, s, a) -> Value.of(s.value().chars().allMatch(c -> c < 0x80)));
    ALL.put("islower", (m, s, a) -> Value.of(Strings.isAllCase(s.value(), false)));
    ALL.put("isupper", (m, s, a) -> Value.of(Strings.isAllCase(s.value(), true)));
    ALL.put("istitle", (m, s, a) -> Value.of(isTitle(s.value())));
    ALL.put("split", (m, s, a) -> split(m, s, a, "split", true));
    ALL.put("rsplit", (m, s, a) -> split(m, s, a, "rsplit", false));
    ALL.put("splitlines", StringMethods::splitLines);
    ALL.put("partition", (m, s, a) -> partition(s, a, "partition", true));
    ALL.put("rpartition", (m, s, a) -> partition(s, a, "rpartition", false));
    ALL.put("startswith", (m, s, a) -> Value.of(edges(s, a, "startswith", true)));
    ALL.put("endswith", (m, s, a) -> Value.of(edges(s, a, "endswith", false)));
    ALL.put("removeprefix", (m, s, a) -> remove(s, a, "removeprefix", true));
    ALL.put("removesuffix", (m, s, a) -> remove(s, a, "removesuffix", false));
    ALL.put("find", (m, s, a) -> Value.of(find(s, a, "find", true)));
    ALL.put("rfind", (m, s, a) -> Value.of(find(s, a, "rfind", false)));
    ALL.put("index", (m, s, a) -> index(s, a, "index", true));
    ALL.put("rindex", (m, s, a) -> index(s, a, "rindex", false));
    ALL.put("count", StringMethods::count);
    ALL.put("replace", StringMethods::replace);
    ALL.put("join", StringMethods::join);
    ALL.put("format", StrFormat::format);
    ALL.put("center", (m, s, a) -> pad(m, s, a, "center", Padding.Side.CENTER));
    ALL.put("ljust", (m, s, a) -> pad(m, s, a, "ljust", Padding.Side.RIGHT));
    ALL.put("rjust", (m, s, a) -> pad(m, s, a, "rjust", Padding.Side.LEFT));
    ALL.put("zfill", StringMethods::zeroFill);
  }

  private StringMethods() {}

  private interface Body {
    Value call(Meter meter, Value.Text self, Arguments arguments);
  }

  static boolean has(String name) {
    return ALL.containsKey(name) || UNSUPPORTED.contains(name);
  }

  static Value call(Meter meter, Value.Text self, String name, Arguments arguments) {
    Body body = ALL.get(name);
    if (body == null) {
      throw Fault.unsupported("string method '" + name + "'");
    }
    meter.characters(self.value().length());
    return body.call(meter, self, arguments);
  }

  /**
   * Returns the value of a text, escaped for HTML if it is combined with markup and is not markup
   * itself.
   */
  static String escapedFor(boolean markup, Value.Text text) {
    return markup && !text.markup() ? Strings.escapeHtml(text.value()) : text.value();
  }

  private static Value.Text like(Value.Text self, String value) {
    return new Value.Text(value, self.markup());
  }

  private static Value list(Meter meter, Value.Text self, List<String> parts) {
    meter.values(parts.size());
    return Value.list(parts.stream().<Value>map(part -> like(self, part)).toList());
  }

  private static String callee(String name) {
    return "string method '" + name + "'";
  }

  private static void stripping(String name, boolean left, boolean right) {
    ALL.put(
        name,
        (m, s, a) ->
            like(s, Strings.strip(s.value(), a.bind(callee(name), "chars").text(0), left, right)));
  }

  private static void mapping(String name, UnaryOperator<String> mapping) {
    ALL.put(
        name,
        (m, s, a) -> {
          a.bind(callee(name));
          return like(s, mapping.apply(s.value()));
        });
  }

  private static void predicate(String name, IntPredicate predicate) {
    ALL.put(
        name,
        (m, s, a) -> Value.of(!s.value().isEmpty() && s.value().codePoints().allMatch(predicate)));
  }

  private static boolean isTitle(String s) {
    return s.equals(Strings.title(s)) && s.codePoints().anyMatch(Strings::isCased);
  }

  private static Value split(
      Meter meter, Value.Text self, Arguments arguments, String name, boolean left) {
    var bound = arguments.bind(callee(name), "sep", "maxsplit");
    String separator = bound.text(0);
    long max = bound.integer(1, -1);
    max = max < 0 ? Long.MAX_VALUE : max;
    String s = self.value();
    if (separator == null) {
      return list(
          meter, self, left ? Strings.splitSpace(s, max) : Strings.splitSpaceFromRight(s, max));
    }
    if (separator.isEmpty()) {
      throw Fault.failed(callee(name) + " cannot split at an empty string");
    }
    List<Integer> cuts =
        left ? Strings.disjoint(s, separator, max) : Strings.disjointFromRight(s, separator, max);
    return list(meter, self, Strings.cut(s, cuts, separator.length()));
  }

  private static Value splitLines(Meter meter, Value.Text self, Arguments arguments) {
    boolean keep = arguments.bind(callee("splitlines"), "keepends").truth(0, false);
    return list(meter, self, Strings.splitLines(self.value(), keep));
  }

  private static Value partition(Value.Text self, Arguments arguments, String name, boolean left) {
    String separator = arguments.bind(callee(name), "sep").requiredText(0);
    if (separator.isEmpty()) {
      throw Fault.failed(callee(name) + " cannot split at an empty string");
    }
    String s = self.value();
    List<Integer> cuts =
        left ? Strings.disjoint(s, separator, 1) : Strings.disjointFromRight(s, separator, 1);
    List<String> parts;
    if (cuts.isEmpty()) {
      parts = left ? List.of(s, "", "") : List.of("", "", s);
    } else {
      int at = cuts.getFirst();
      parts = List.of(s.substring(0, at), separator, s.substring(at + separator.length()));
    }
    return Value.tuple(parts.stream().<Value>map(part -> like(self, part)).toList());
  }

  /**
   * Returns whether the text, or the part between two indices, starts or ends with one of several
   * affixes.
   */
  private static boolean edges(Value.Text self, Arguments arguments, String name, boolean start) {
    var bound = arguments.bind(callee(name), "affix", "start", "end");
    String part = part(self.value(), bound);
    if (part == null) {
      return false;
    }
    List<Value> affixes =
        bound.required(0) instanceof Value.Sequence(var shape, List<Value> items, int depth)
                && shape == Value.Shape.TUPLE
            ? items
            : List.of(Value.of(bound.requiredText(0)));
    for (Value affix : affixes) {
      if (!(affix instanceof Value.Text(String text, boolean markup))) {
        throw Fault.failed(callee(name) + " requires strings");
      }
      if (start ? part.startsWith(text) : part.endsWith(text)) {
        return true;
      }
    }
    return false;
  }

  /** Returns the part between arguments 1 and 2, or null if it begins after its end. */
  private static @Nullable String part(String s, Arguments.Bound bound) {
    if (bound.or(1, Value.NONE) instanceof Value.None
        && bound.or(2, Value.NONE) instanceof Value.None) {
      return s;
    }
    int length = Strings.length(s);
    long start = bound.or(1, Value.NONE) instanceof Value.None ? 0 : bound.integer(1, 0);
    long end = bound.or(2, Value.NONE) instanceof Value.None ? length : bound.integer(2, 0);
    start = start < 0 ? Math.max(0, start + length) : start;
    end = Math.clamp(end < 0 ? end + length : end, 0, length);
    if (start > end) {
      return null;
    }
    return s.substring(s.offsetByCodePoints(0, (int) start), s.offsetByCodePoints(0, (int) end));
  }

  private static Value remove(Value.Text self, Arguments arguments, String name, boolean prefix) {
    String affix = arguments.bind(callee(name), "affix").requiredText(0);
    String s = self.value();
    if (prefix) {
      return like(self, s.startsWith(affix) ? s.substring(affix.length()) : s);
    }
    return like(self, s.endsWith(affix) ? s.substring(0, s.length() - affix.length()) : s);
  }

  private static long find(Value.Text self, Arguments arguments, String name, boolean first) {
    var bound = arguments.bind(callee(name), "sub", "start", "end");
    String needle = bound.requiredText(0);
    String part = part(self.value(), bound);
    if (part == null) {
      return -1;
    }
    long offset = bound.or(1, Value.NONE) instanceof Value.None ? 0 : bound.integer(1, 0);
    offset = offset < 0 ? Math.max(0, offset + Strings.length(self.value())) : offset;
    if (needle.isEmpty()) {
      return first ? offset : offset + Strings.length(part);
    }
    int[] found = Strings.occurrences(part, needle);
    return found.length == 0
        ? -1
        : offset + part.codePointCount(0, found[first ? 0 : found.length - 1]);
  }

  private static Value index(Value.Text self, Arguments arguments, String name, boolean first) {
    long found = find(self, arguments, name, first);
    if (found < 0) {
      throw Fault.failed(callee(name) + ": substring not found");
    }
    return Value.of(found);
  }

  private static Value count(Meter meter, Value.Text self, Arguments arguments) {
    var bound = arguments.bind(callee("count"), "sub", "start", "end");
    String needle = bound.requiredText(0);
    String part = part(self.value(), bound);
    if (part == null) {
      return Value.of(0);
    }
    return Value.of(count(meter, part, needle));
  }

  private static Value replace(Meter meter, Value.Text self, Arguments arguments) {
    var bound = arguments.bind(callee("replace"), "old", "new", "count");
    String with =
        bound.required(1) instanceof Value.Text text
            ? escapedFor(self.markup(), text)
            : bound.requiredText(1);
    long max = bound.integer(2, -1);
    return like(
        self,
        replace(meter, self.value(), bound.requiredText(0), with, max < 0 ? Long.MAX_VALUE : max));
  }

  private static long count(Meter meter, String s, String needle) {
    if (needle.isEmpty()) {
      return Strings.length(s) + 1L;
    }
    long count = Strings.disjoint(s, needle, Long.MAX_VALUE).size();
    meter.values(count);
    return count;
  }

  /** Replaces occurrences, after checking the length of the result. */
  public static String replace(Meter meter, String s, String old, String with, long max) {
    long count = Math.min(max, count(meter, s, old));
    meter.text(s.length() + count * with.length());
    return Strings.replace(s, old, with, max);
  }

  private static Value join(Meter meter, Value.Text self, Arguments arguments) {
    Value iterable = arguments.bind(callee("join"), "iterable").required(0);
    List<String> parts = new ArrayList<>();
    for (Value item : Iteration.items(meter, iterable)) {
      if (!(item instanceof Value.Text text)) {
        throw Fault.failed(
            callee("join") + " requires strings, not a value of type '" + Value.type(item) + "'");
      }
      parts.add(escapedFor(self.markup(), text));
    }
    return like(self, join(meter, self.value(), parts));
  }

  /** Joins texts, after checking the length of the result. */
  public static String join(Meter meter, String separator, List<String> parts) {
    long length = (long) separator.length() * parts.size();
    for (String part : parts) {
      length += part.length();
    }
    meter.text(length);
    meter.elements(parts.size());
    return String.join(separator, parts);
  }

  private static Value pad(
      Meter meter, Value.Text self, Arguments arguments, String name, Padding.Side side) {
    var bound = arguments.bind(callee(name), "width", "fillchar");
    String fill = bound.get(1) == null ? " " : bound.requiredText(1);
    if (Strings.length(fill) != 1) {
      throw Fault.failed(callee(name) + ": fill must be one character");
    }
    bound.required(0);
    return like(self, Padding.pad(meter, self.value(), bound.integer(0, 0), fill, side));
  }

  private static Value zeroFill(Meter meter, Value.Text self, Arguments arguments) {
    var bound = arguments.bind(callee("zfill"), "width");
    bound.required(0);
    String s = self.value();
    String sign = s.startsWith("-") || s.startsWith("+") ? s.substring(0, 1) : "";
    long width = bound.integer(0, 0) - sign.length();
    return like(
        self, sign + Padding.pad(meter, s.substring(sign.length()), width, "0", Padding.Side.LEFT));
  }
}
