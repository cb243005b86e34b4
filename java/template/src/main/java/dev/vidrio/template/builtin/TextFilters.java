package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.CollectionMethods;
import dev.vidrio.template.operation.Iteration;
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
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * The filters of text. All except {@code indent} and {@code truncate} convert their input to text.
 */
final class TextFilters {

  private TextFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    mapping(filters, "upper", Strings::upper);
    mapping(filters, "lower", Strings::lower);
    mapping(filters, "capitalize", Strings::capitalize);
    mapping(filters, "title", TextFilters::title);
    mapping(filters, "string", s -> s);
    filters.put("trim", TextFilters::trim);
    filters.put("replace", TextFilters::replace);
    filters.put("center", TextFilters::center);
    filters.put("indent", TextFilters::indent);
    filters.put("truncate", TextFilters::truncate);
    filters.put("format", TextFilters::format);
    filters.put("safe", (m, v, a) -> new Value.Text(Printer.str(m, v), true));
    filters.put("escape", TextFilters::escape);
    filters.put("e", TextFilters::escape);
    filters.put("forceescape", (m, v, a) -> new Value.Text(escapeHtml(m, Printer.str(m, v)), true));
  }

  private static Value.Text text(Meter meter, Value value) {
    Value.Text text = value instanceof Value.Text t ? t : Value.of(Printer.str(meter, value));
    meter.characters(text.value().length());
    return text;
  }

  private static void mapping(
      Map<String, Filters.Filter> filters, String name, UnaryOperator<String> mapping) {
    filters.put(
        name,
        (meter, value, arguments) -> {
          arguments.bind("filter '" + name + "'");
          Value.Text text = text(meter, value);
          return new Value.Text(mapping.apply(text.value()), text.markup());
        });
  }

  /** Capitalizes the characters after white space, hyphens and opening brackets. */
  private static String title(String s) {
    StringBuilder out = new StringBuilder(s.length());
    boolean inWord = false;
    for (int i = 0; i < s.length(); ) {
      int codePoint = s.codePointAt(i);
      i += Character.charCount(codePoint);
      String character = Character.toString(codePoint);
      out.append(inWord ? Strings.lower(character) : Strings.upper(character));
      inWord = !Strings.isSpace(codePoint) && "-({[<".indexOf(codePoint) < 0;
    }
    return out.toString();
  }

  private static Value trim(Meter meter, Value value, Arguments arguments) {
    String characters = arguments.bind("filter 'trim'", "chars").text(0);
    Value.Text text = text(meter, value);
    return new Value.Text(Strings.strip(text.value(), characters, true, true), text.markup());
  }

  private static Value replace(Meter meter, Value value, Arguments arguments) {
    var bound = arguments.bind("filter 'replace'", "old", "new", "count");
    long max = bound.or(2, Value.NONE) instanceof Value.None ? -1 : bound.integer(2, -1);
    return Value.of(
        StringMethods.replace(
            meter,
            text(meter, value).value(),
            Printer.str(meter, bound.required(0)),
            Printer.str(meter, bound.required(1)),
            max < 0 ? Long.MAX_VALUE : max));
  }

  private static Value center(Meter meter, Value value, Arguments arguments) {
    long width = arguments.bind("filter 'center'", "width").integer(0, 80);
    Value.Text text = text(meter, value);
    return new Value.Text(
        Padding.pad(meter, text.value(), width, " ", Padding.Side.CENTER), text.markup());
  }

  private static Value.Text onlyText(Value value, String filter) {
    if (value instanceof Value.Text text) {
      return text;
    }
    if (value instanceof Value.Undefined(String reason)) {
      throw Fault.failed(reason);
    }
    throw Fault.failed(
        "filter '"
            + filter
            + "' requires a string, not a value of type '"
            + Value.type(value)
            + "'");
  }

  private static Value indent(Meter meter, Value value, Arguments arguments) {
    var bound = arguments.bind("filter 'indent'", "width", "first", "blank");
    Value.Text text = onlyText(value, "indent");
    String indent;
    if (bound.get(0) instanceof Value.Text(String characters, boolean markup)) {
      indent = characters;
    } else {
      long width = Math.max(0, bound.integer(0, 4));
      meter.text(width);
      indent = " ".repeat((int) width);
    }
    boolean blank = bound.truth(2, false);
    // The appended line break preserves a trailing one.
    List<String> lines = Strings.splitLines(text.value() + "\n", false);
    meter.text(text.value().length() + (long) lines.size() * indent.length());
    return new Value.Text(indentLines(lines, indent, bound.truth(1, false), blank), text.markup());
  }

  private static String indentLines(
      List<String> lines, String indent, boolean first, boolean blank) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      out.append(i == 0 ? "" : "\n");
      out.append(i == 0 ? (first ? indent : "") : blank || !line.isEmpty() ? indent : "");
      out.append(line);
    }
    return out.toString();
  }

  private static Value truncate(Meter meter, Value value, Arguments arguments) {
    var bound = arguments.bind("filter 'truncate'", "length", "killwords", "end", "leeway");
    String end = bound.get(2) == null ? "..." : bound.requiredText(2);
    long length = bound.integer(0, 255);
    long leeway = bound.or(3, Value.NONE) instanceof Value.None ? 5 : bound.integer(3, 5);
    long kept = length - Strings.length(end);
    if (kept < 0 || leeway < 0) {
      throw Fault.failed("filter 'truncate' requires a length of at least that of 'end'");
    }
    int present = Iteration.length(meter, value);
    if (present >= 0 && present <= length + leeway) {
      return value;
    }
    Value.Text text = onlyText(value, "truncate");
    String s = text.value();
    String start = s.substring(0, s.offsetByCodePoints(0, (int) kept));
    int space = bound.truth(1, false) ? -1 : start.lastIndexOf(' ');
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

  private static Value escape(Meter meter, Value value, Arguments arguments) {
    arguments.bind("filter 'escape'");
    return value instanceof Value.Text(String s, boolean markup) && markup
        ? value
        : new Value.Text(escapeHtml(meter, Printer.str(meter, value)), true);
  }

  private static String escapeHtml(Meter meter, String s) {
    meter.characters(5L * s.length());
    return Strings.escapeHtml(s);
  }
}
