package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.CollectionMethods;
import dev.vidrio.template.operation.Iteration;
import dev.vidrio.template.operation.Library;
import dev.vidrio.template.operation.Padding;
import dev.vidrio.template.operation.PercentFormat;
import dev.vidrio.template.operation.StringMethods;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The filters of text. All except {@code indent} and {@code truncate} convert their input to text.
 */
final class TextFilters {

  /** A word of Python's {@code \\w+}. */
  private static final Pattern WORD = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);

  private TextFilters() {}

  static void addTo(Library<Value> filters) {
    map(filters, "upper", Strings::upper);
    map(filters, "lower", Strings::lower);
    map(filters, "capitalize", Strings::capitalize);
    map(filters, "title", TextFilters::title);
    map(filters, "string", s -> s);
    filters.add("trim", TextFilters::trim, "chars");
    filters.add(
        "wordcount", (m, v, a) -> Value.of(WORD.matcher(text(m, v).value()).results().count()));
    filters.add("replace", TextFilters::replace, "old", "new", "count");
    filters.add("center", TextFilters::center, "width");
    filters.add("indent", TextFilters::indent, "width", "first", "blank");
    filters.add("truncate", TextFilters::truncate, "length", "killwords", "end", "leeway");
    filters.add("format", TextFilters::format, Library.ANY);
    filters.add("safe", (m, v, a) -> new Value.Text(Printer.str(m, v), true));
    filters.add("escape", (m, v, a) -> isMarkup(v) ? v : escaped(m, v));
    filters.add("e", (m, v, a) -> isMarkup(v) ? v : escaped(m, v));
    filters.add("forceescape", (m, v, a) -> escaped(m, v));
  }

  private static Value.Text text(Meter meter, Value value) {
    Value.Text text = value instanceof Value.Text t ? t : Value.of(Printer.str(meter, value));
    meter.characters(text.value().length());
    return text;
  }

  private static void map(Library<Value> filters, String name, UnaryOperator<String> mapping) {
    filters.add(
        name,
        (meter, value, arguments) -> {
          Value.Text text = text(meter, value);
          return new Value.Text(mapping.apply(text.value()), text.markup());
        });
  }

  /** Capitalizes the characters after white space, hyphens and opening brackets. */
  private static String title(String s) {
    return Strings.title(
        s,
        first -> Strings.upper(Character.toString(first)),
        c -> !Strings.isSpace(c) && "-({[<".indexOf(c) < 0);
  }

  private static Value trim(Meter meter, Value value, Arguments arguments) {
    String characters = arguments.textOrNull("chars");
    Value.Text text = text(meter, value);
    return new Value.Text(Strings.strip(text.value(), characters, true, true), text.markup());
  }

  private static Value replace(Meter meter, Value value, Arguments arguments) {
    return Value.of(
        StringMethods.replace(
            meter,
            text(meter, value).value(),
            Printer.str(meter, arguments.required("old")),
            Printer.str(meter, arguments.required("new")),
            arguments.isNone("count") ? -1 : arguments.integer("count")));
  }

  private static Value center(Meter meter, Value value, Arguments arguments) {
    Value.Text text = text(meter, value);
    long width = arguments.integer("width", 80);
    return new Value.Text(
        Padding.pad(meter, text.value(), width, " ", Padding.Side.CENTER), text.markup());
  }

  private static Value.Text onlyText(Value value, Arguments arguments) {
    if (value instanceof Value.Text text) {
      return text;
    }
    throw Fault.mismatch(arguments.callee() + " requires a string", value);
  }

  private static Value indent(Meter meter, Value value, Arguments arguments) {
    Value.Text text = onlyText(value, arguments);
    String indent = indentation(meter, arguments, "width", 4);
    boolean blank = arguments.isTrue("blank");
    // The appended line break preserves a trailing one.
    List<String> lines = Strings.splitLines(text.value() + "\n", false);
    meter.text(text.value().length() + (long) lines.size() * indent.length());
    String rest =
        lines.stream()
            .skip(1)
            .map(line -> "\n" + (blank || !line.isEmpty() ? indent : "") + line)
            .collect(Collectors.joining());
    String first = arguments.isTrue("first") ? indent : "";
    return new Value.Text(first + lines.getFirst() + rest, text.markup());
  }

  /** Returns an indentation that is given as a text or as a number of spaces. */
  static String indentation(Meter meter, Arguments arguments, String name, long otherwise) {
    if (arguments.named().get(name) instanceof Value.Text(String text, boolean markup)) {
      return text;
    }
    long width = Math.max(0, arguments.integer(name, otherwise));
    meter.text(width);
    return " ".repeat((int) width);
  }

  private static Value truncate(Meter meter, Value value, Arguments arguments) {
    String end = arguments.text("end", "...");
    long length = arguments.integer("length", 255);
    long leeway = arguments.isNone("leeway") ? 5 : arguments.integer("leeway");
    long kept = length - Strings.length(end);
    if (kept < 0 || leeway < 0) {
      throw Fault.failed("filter 'truncate' requires a length of at least that of 'end'");
    }
    int present = Iteration.length(meter, value);
    if (present >= 0 && present <= length + leeway) {
      return value;
    }
    Value.Text text = onlyText(value, arguments);
    String s = text.value();
    String start = s.substring(0, s.offsetByCodePoints(0, (int) kept));
    int space = arguments.isTrue("killwords") ? -1 : start.lastIndexOf(' ');
    return new Value.Text((space < 0 ? start : start.substring(0, space)) + end, text.markup());
  }

  private static Value format(Meter meter, Value value, Arguments arguments) {
    if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
      throw Fault.failed("filter 'format' takes either positional or named arguments");
    }
    Value operand =
        arguments.named().isEmpty()
            ? Value.tuple(arguments.positional())
            : CollectionMethods.makeDict(meter, arguments);
    return PercentFormat.format(meter, text(meter, value), operand);
  }

  private static boolean isMarkup(Value value) {
    return value instanceof Value.Text(String s, boolean markup) && markup;
  }

  private static Value escaped(Meter meter, Value value) {
    String text = Printer.str(meter, value);
    meter.characters(5L * text.length());
    return new Value.Text(Strings.escapeHtml(text), true);
  }
}
