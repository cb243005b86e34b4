package dev.vidrio.template.operation;

import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The methods of Python's strings. Methods of a string marked safe return strings marked safe. */
public final class StringMethods {

  static final Library<Value.Text> ALL = new Library<>("string method");

  static {
    strip("strip", true, true);
    strip("lstrip", true, false);
    strip("rstrip", false, true);
    map("upper", Strings::upper);
    map("lower", Strings::lower);
    map("casefold", Strings::lower);
    map("title", StringMethods::title);
    map("capitalize", Strings::capitalize);
    map("swapcase", Strings::swapCase);
    test("isalnum", s -> isAll(s, Character::isLetterOrDigit));
    test("isalpha", s -> isAll(s, Character::isLetter));
    test("isdecimal", s -> isAll(s, Character::isDigit));
    test("isdigit", s -> isAll(s, Character::isDigit));
    test("isnumeric", s -> isAll(s, Character::isDigit));
    test("isspace", s -> isAll(s, Strings::isSpace));
    test("isascii", s -> s.chars().allMatch(c -> c < 0x80));
    test("islower", s -> Strings.isAllCase(s, false));
    test("isupper", s -> Strings.isAllCase(s, true));
    test("istitle", s -> s.equals(title(s)) && s.codePoints().anyMatch(Strings::isCased));
    add("splitlines", StringMethods::splitLines, "keepends");
    add("count", StringMethods::count, "sub", "start", "end");
    add("replace", StringMethods::replace, "old", "new", "count");
    add("join", StringMethods::join, "iterable");
    add("format", StrFormat::format, Library.ANY);
    add("center", (m, s, a) -> pad(m, s, a, Padding.Side.CENTER), "width", "fillchar");
    add("ljust", (m, s, a) -> pad(m, s, a, Padding.Side.RIGHT), "width", "fillchar");
    add("rjust", (m, s, a) -> pad(m, s, a, Padding.Side.LEFT), "width", "fillchar");
    add("zfill", StringMethods::zeroFill, "width");
    for (boolean left : List.of(true, false)) {
      add(left ? "split" : "rsplit", (m, s, a) -> split(m, s, a, left), "sep", "maxsplit");
      add(left ? "partition" : "rpartition", (m, s, a) -> partition(s, a, left), "sep");
      add(left ? "removeprefix" : "removesuffix", (m, s, a) -> remove(s, a, left), "affix");
      add(left ? "find" : "rfind", (m, s, a) -> Value.of(find(s, a, left)), "sub", "start", "end");
      add(left ? "index" : "rindex", (m, s, a) -> index(s, a, left), "sub", "start", "end");
      add(
          left ? "startswith" : "endswith",
          (m, s, a) -> Value.of(hasAffix(s, a, left)),
          "affix",
          "start",
          "end");
    }
    // No known template uses these methods.
    ALL.addUnsupported(
        "encode", "expandtabs", "format_map", "isidentifier", "maketrans", "translate");
  }

  private StringMethods() {}

  private static void add(String name, Library.Body<Value.Text> body, String... parameters) {
    ALL.add(
        name,
        (meter, self, arguments) -> {
          meter.characters(self.value().length());
          return body.call(meter, self, arguments);
        },
        parameters);
  }

  private static void strip(String name, boolean left, boolean right) {
    add(
        name,
        (m, s, a) -> like(s, Strings.strip(s.value(), a.textOrNull("chars"), left, right)),
        "chars");
  }

  private static void map(String name, UnaryOperator<String> mapping) {
    add(name, (m, s, a) -> like(s, mapping.apply(s.value())));
  }

  private static void test(String name, Predicate<String> test) {
    add(name, (m, s, a) -> Value.of(test.test(s.value())));
  }

  private static boolean isAll(String s, IntPredicate predicate) {
    return !s.isEmpty() && s.codePoints().allMatch(predicate);
  }

  private static String title(String s) {
    return Strings.title(s, Strings::titleCase, Strings::isCased);
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

  private static Value split(Meter meter, Value.Text self, Arguments arguments, boolean left) {
    String separator = arguments.textOrNull("sep");
    long max = limit(arguments.integer("maxsplit", -1));
    return list(
        meter,
        self,
        separator == null
            ? Strings.splitSpace(self.value(), max, left)
            : Strings.split(self.value(), separator(arguments), max, left));
  }

  private static String separator(Arguments arguments) {
    String separator = arguments.text("sep");
    if (separator.isEmpty()) {
      throw Fault.failed(arguments.callee() + " cannot split at an empty string");
    }
    return separator;
  }

  /** Converts Python's maximum number of splits or replacements, which −1 does not limit. */
  private static long limit(long max) {
    return max < 0 ? Long.MAX_VALUE : max;
  }

  private static Value splitLines(Meter meter, Value.Text self, Arguments arguments) {
    return list(meter, self, Strings.splitLines(self.value(), arguments.isTrue("keepends")));
  }

  private static Value partition(Value.Text self, Arguments arguments, boolean left) {
    String separator = separator(arguments);
    List<String> halves = Strings.split(self.value(), separator, 1, left);
    Stream<String> parts =
        halves.size() == 2
            ? Stream.of(halves.getFirst(), separator, halves.getLast())
            : left ? Stream.of(self.value(), "", "") : Stream.of("", "", self.value());
    return Value.tuple(parts.<Value>map(part -> like(self, part)).toList());
  }

  /**
   * Returns whether the text, or the part between two indices, starts or ends with one of several
   * affixes.
   */
  private static boolean hasAffix(Value.Text self, Arguments arguments, boolean start) {
    String part = part(self.value(), arguments);
    if (part == null) {
      return false;
    }
    List<Value> affixes =
        arguments.required("affix") instanceof Value.Sequence(var shape, List<Value> items, int d)
                && shape == Value.Shape.TUPLE
            ? items
            : List.of(Value.of(arguments.text("affix")));
    for (Value affix : affixes) {
      if (!(affix instanceof Value.Text(String text, boolean markup))) {
        throw Fault.failed(arguments.callee() + " requires strings");
      }
      if (start ? part.startsWith(text) : part.endsWith(text)) {
        return true;
      }
    }
    return false;
  }

  /** Returns the part that {@code start} and {@code end} select, or null if it ends before it. */
  private static @Nullable String part(String s, Arguments arguments) {
    if (arguments.isNone("start") && arguments.isNone("end")) {
      return s;
    }
    int length = Strings.length(s);
    long start = start(length, arguments);
    long end = arguments.isNone("end") ? length : arguments.integer("end");
    end = Math.clamp(end < 0 ? end + length : end, 0, length);
    return start > end
        ? null
        : s.substring(s.offsetByCodePoints(0, (int) start), s.offsetByCodePoints(0, (int) end));
  }

  private static long start(int length, Arguments arguments) {
    long start = arguments.isNone("start") ? 0 : arguments.integer("start");
    return start < 0 ? Math.max(0, start + length) : start;
  }

  private static Value remove(Value.Text self, Arguments arguments, boolean prefix) {
    String affix = arguments.text("affix");
    String s = self.value();
    if (prefix) {
      return like(self, s.startsWith(affix) ? s.substring(affix.length()) : s);
    }
    return like(self, s.endsWith(affix) ? s.substring(0, s.length() - affix.length()) : s);
  }

  private static long find(Value.Text self, Arguments arguments, boolean first) {
    String needle = arguments.text("sub");
    String part = part(self.value(), arguments);
    if (part == null) {
      return -1;
    }
    long offset = start(Strings.length(self.value()), arguments);
    if (needle.isEmpty()) {
      return first ? offset : offset + Strings.length(part);
    }
    int[] found = Strings.occurrences(part, needle);
    return found.length == 0
        ? -1
        : offset + part.codePointCount(0, found[first ? 0 : found.length - 1]);
  }

  private static Value index(Value.Text self, Arguments arguments, boolean first) {
    long found = find(self, arguments, first);
    if (found < 0) {
      throw Fault.failed(arguments.callee() + ": substring not found");
    }
    return Value.of(found);
  }

  private static Value count(Meter meter, Value.Text self, Arguments arguments) {
    String needle = arguments.text("sub");
    String part = part(self.value(), arguments);
    return Value.of(part == null ? 0 : count(meter, part, needle));
  }

  private static long count(Meter meter, String s, String needle) {
    if (needle.isEmpty()) {
      return Strings.length(s) + 1L;
    }
    long count = Strings.disjoint(s, needle, Long.MAX_VALUE, true).size();
    meter.values(count);
    return count;
  }

  private static Value replace(Meter meter, Value.Text self, Arguments arguments) {
    String with =
        arguments.required("new") instanceof Value.Text text
            ? escapedFor(self.markup(), text)
            : arguments.text("new");
    long max = arguments.integer("count", -1);
    return like(self, replace(meter, self.value(), arguments.text("old"), with, max));
  }

  /**
   * Replaces occurrences, after checking the length of the result.
   *
   * @param max the maximum number of replacements; negative for all
   */
  public static String replace(Meter meter, String s, String old, String with, long max) {
    long count = Math.min(limit(max), count(meter, s, old));
    meter.text(s.length() + count * with.length());
    return Strings.replace(s, old, with, limit(max));
  }

  private static Value join(Meter meter, Value.Text self, Arguments arguments) {
    List<String> parts = new ArrayList<>();
    for (Value item : Iteration.items(meter, arguments.required("iterable"))) {
      if (!(item instanceof Value.Text text)) {
        throw Fault.mismatch(arguments.callee() + " requires strings", item);
      }
      parts.add(escapedFor(self.markup(), text));
    }
    return like(self, join(meter, self.value(), parts));
  }

  /** Joins texts, after checking the length of the result. */
  public static String join(Meter meter, String separator, List<String> parts) {
    long separators = (long) separator.length() * parts.size();
    meter.text(separators + parts.stream().mapToLong(String::length).sum());
    meter.elements(parts.size());
    return String.join(separator, parts);
  }

  private static Value pad(Meter meter, Value.Text self, Arguments arguments, Padding.Side side) {
    String fill = arguments.text("fillchar", " ");
    if (Strings.length(fill) != 1) {
      throw Fault.failed(arguments.callee() + ": fill must be one character");
    }
    return like(self, Padding.pad(meter, self.value(), arguments.integer("width"), fill, side));
  }

  private static Value zeroFill(Meter meter, Value.Text self, Arguments arguments) {
    String s = self.value();
    String sign = s.startsWith("-") || s.startsWith("+") ? s.substring(0, 1) : "";
    long width = arguments.integer("width") - sign.length();
    return like(
        self, sign + Padding.pad(meter, s.substring(sign.length()), width, "0", Padding.Side.LEFT));
  }
}
