package dev.vidrio.template.operation;

import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Numbers;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.math.BigDecimal;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Python's printf-style formatting, {@code text % values}. */
public final class PercentFormat {

  private static final Pattern DIRECTIVE =
      Pattern.compile("%(?:\\(([^)]*)\\))?([-+ #0]*)(\\d{1,7})?(?:\\.(\\d{0,4}))?([a-zA-Z%])");

  private final Meter meter;
  private final Value operand;
  private final List<Value> values;
  private int used;

  private PercentFormat(Meter meter, Value operand) {
    this.meter = meter;
    this.operand = operand;
    this.values =
        operand instanceof Value.Sequence s && s.shape() == Value.Shape.TUPLE
            ? s.items()
            : List.of(operand);
  }

  /** Formats with a tuple's items, a dict's entries by name, or a single value. */
  public static Value format(Meter meter, Value.Text text, Value operand) {
    PercentFormat format = new PercentFormat(meter, operand);
    return new Value.Text(format.format(text), text.markup());
  }

  private String format(Value.Text self) {
    String s = self.value();
    StringBuilder out = new StringBuilder();
    Matcher m = DIRECTIVE.matcher(s);
    int start = 0;
    for (int at = s.indexOf('%'); at >= 0; at = s.indexOf('%', start)) {
      out.append(s, start, at);
      if (!m.find(at) || m.start() != at) {
        throw Fault.failed("a format string has an incomplete '%'");
      }
      String text = m.group(5).equals("%") ? "%" : directive(m);
      text = self.markup() ? Strings.escapeHtml(text) : text;
      meter.append(out, text.length());
      out.append(text);
      start = m.end();
    }
    out.append(s, start, s.length());
    if (used < values.size() && !hasElements(operand)) {
      throw Fault.failed("not all values are used by the format string");
    }
    return out.toString();
  }

  /** Returns whether Python treats the operand as a mapping. Its entries need not be used. */
  private static boolean hasElements(Value operand) {
    return switch (operand) {
      case Value.Mapping m -> true;
      case Value.Undefined u -> true;
      case Value.Sequence s -> s.shape().isIndexable() && s.shape() != Value.Shape.TUPLE;
      default -> false;
    };
  }

  private String directive(Matcher m) {
    Value value = value(m.group(1));
    char type = m.group(5).charAt(0);
    String flags = m.group(2);
    boolean left = flags.contains("-");
    String align = left ? "<" : flags.contains("0") ? "0=" : ">";
    String sign = flags.contains("+") ? "+" : flags.contains(" ") ? " " : "";
    String alternate = flags.contains("#") ? "#" : "";
    String width = m.group(3) == null ? "" : m.group(3);
    String digits = m.group(4);
    String precision = digits == null ? "" : digits.isEmpty() ? ".0" : "." + digits;
    return switch (type) {
      case 's', 'r', 'a', 'c' ->
          FormatSpec.parse((left ? "<" : ">") + width + precision + "s")
              .format(meter, converted(meter, type, value));
      case 'd', 'i', 'u', 'o', 'x', 'X' ->
          FormatSpec.parse(align + sign + alternate + width + ("iu".indexOf(type) < 0 ? type : 'd'))
              .format(meter, whole(value));
      case 'e', 'E', 'f', 'F', 'g', 'G' ->
          FormatSpec.parse(align + sign + alternate + width + precision + type)
              .format(meter, number(value));
      default -> throw Fault.unsupported("format directive '%" + type + "'");
    };
  }

  private Value value(@Nullable String key) {
    if (key != null) {
      Value entry = operand instanceof Value.Mapping m ? m.get(Value.of(key)) : null;
      if (entry == null) {
        throw Fault.failed("a format string has no value '" + key + "'");
      }
      return entry;
    }
    if (used >= values.size()) {
      throw Fault.failed("a format string has too few values");
    }
    return values.get(used++);
  }

  private static Value.Numeric number(Value value) {
    if (value instanceof Value.Numeric number) {
      return number;
    }
    throw Fault.mismatch("a format requires a number", value);
  }

  private static Value whole(Value value) {
    BigDecimal decimal = Numbers.decimal(number(value));
    if (decimal == null) {
      throw Fault.failed("a format requires a finite number");
    }
    return Numbers.of(decimal.toBigInteger());
  }

  /** Applies the conversions {@code s}, {@code r}, {@code a} and {@code c}. */
  static Value converted(Meter meter, char conversion, Value value) {
    return switch (conversion) {
      case 's' -> Value.of(Printer.str(meter, value));
      case 'r' -> Value.of(Printer.repr(meter, value));
      case 'c' ->
          value instanceof Value.Text
              ? value
              : Value.of(FormatSpec.parse("c").format(meter, number(value)));
      default -> throw Fault.unsupported("conversion to ASCII");
    };
  }
}
