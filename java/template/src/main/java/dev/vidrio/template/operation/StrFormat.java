package dev.vidrio.template.operation;

import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's {@code str.format}. */
final class StrFormat {

  /** A replacement field: name, path of attributes and elements, conversion and format. */
  private static final Pattern FIELD =
      Pattern.compile(
          "([^.\\[!:]*)((?:\\.[^.\\[!:]+|\\[[^\\]]+\\])*)(?:!([rsa]))?(?::(.*))?", Pattern.DOTALL);

  private static final Pattern PATH = Pattern.compile("\\.([^.\\[]+)|\\[([^\\]]+)\\]");

  private final Meter meter;
  private final Arguments arguments;
  private int automatic;

  private StrFormat(Meter meter, Arguments arguments) {
    this.meter = meter;
    this.arguments = arguments;
  }

  /** Implements the string method {@code format}. */
  static Value format(Meter meter, Value.Text self, Arguments arguments) {
    StrFormat format = new StrFormat(meter, arguments);
    return new Value.Text(format.format(self), self.markup());
  }

  private String format(Value.Text self) {
    String s = self.value();
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c != '{' && c != '}') {
        out.append(c);
      } else if (i + 1 < s.length() && s.charAt(i + 1) == c) {
        out.append(c);
        i++;
      } else {
        int end = c == '{' ? s.indexOf('}', i) : -1;
        if (end < 0) {
          throw Fault.failed("a format string has a single '" + c + "'");
        }
        String field = s.substring(i + 1, end);
        if (field.indexOf('{') >= 0) {
          throw Fault.unsupported("format field in a format field");
        }
        String text = field(field);
        text = self.markup() ? Strings.escapeHtml(text) : text;
        meter.append(out, text.length());
        out.append(text);
        i = end;
      }
    }
    return out.toString();
  }

  private String field(String field) {
    Matcher m = FIELD.matcher(field);
    if (!m.matches()) {
      throw Fault.failed("a format string has a malformed field '" + field + "'");
    }
    Value value = argument(m.group(1));
    Matcher path = PATH.matcher(m.group(2));
    while (path.find()) {
      meter.step();
      value =
          path.group(1) != null
              ? Attributes.attribute(value, path.group(1))
              : Attributes.item(meter, value, Attributes.key(path.group(2)));
    }
    if (m.group(3) != null) {
      value = PercentFormat.converted(meter, m.group(3).charAt(0), value);
    }
    String spec = m.group(4);
    return spec == null || spec.isEmpty()
        ? Printer.str(meter, value)
        : FormatSpec.parse(spec).format(meter, value);
  }

  private Value argument(String name) {
    if (!name.matches("\\d{0,9}")) {
      return arguments.required(name);
    }
    int index = name.isEmpty() ? automatic++ : Integer.parseInt(name);
    if (index >= arguments.positional().size()) {
      throw Fault.failed("a format string has no argument " + index);
    }
    return arguments.positional().get(index);
  }
}
