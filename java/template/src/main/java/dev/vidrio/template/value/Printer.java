package dev.vidrio.template.value;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Python's {@code str()} and {@code repr()}. */
public final class Printer {

  private Printer() {}

  /** Returns the text that {@code {{ value }}} prints. */
  public static String str(Meter meter, Value value) {
    return switch (value) {
      case Value.Text t -> t.value();
      case Value.Undefined u -> "";
      default -> repr(meter, value);
    };
  }

  /** Returns Python's {@code repr()} of a value. */
  public static String repr(Meter meter, Value value) {
    StringBuilder out = new StringBuilder();
    repr(meter, value, out);
    return out.toString();
  }

  private static void repr(Meter meter, Value value, StringBuilder out) {
    meter.step();
    meter.append(out, 0);
    switch (value) {
      case Value.None n -> out.append("None");
      case Value.Undefined u -> out.append("Undefined");
      case Value.Bool b -> out.append(b.value() ? "True" : "False");
      case Value.Numeric n -> {
        meter.number(n);
        out.append(n instanceof Value.Int(var integer) ? integer.toString() : real(n.real()));
      }
      case Value.Text t -> text(meter, t, out);
      case Value.Sequence s -> sequence(meter, s, out);
      case Value.Mapping m -> mapping(meter, m, out);
      case Value.Cursor c -> out.append("<generator object>");
      case Value.Namespace n -> out.append("<Namespace>");
      case Value.Callable c -> out.append(c.repr());
    }
  }

  private static void text(Meter meter, Value.Text text, StringBuilder out) {
    meter.append(out, text.value().length());
    out.append(text.markup() ? "Markup(" : "");
    quote(text.value(), out);
    out.append(text.markup() ? ")" : "");
  }

  private static void sequence(Meter meter, Value.Sequence sequence, StringBuilder out) {
    List<Value> items = sequence.items();
    switch (sequence.shape()) {
      case LIST -> items(meter, items, "[", "]", out);
      case TUPLE -> items(meter, items, "(", items.size() == 1 ? ",)" : ")", out);
      case RANGE -> out.append(items);
      case DICT_KEYS, DICT_VALUES, DICT_ITEMS ->
          items(meter, items, sequence.shape().type() + "([", "])", out);
    }
  }

  private static void items(
      Meter meter, List<Value> items, String open, String close, StringBuilder out) {
    out.append(open);
    for (Iterator<Value> i = items.iterator(); i.hasNext(); ) {
      repr(meter, i.next(), out);
      out.append(i.hasNext() ? ", " : "");
    }
    out.append(close);
  }

  private static void mapping(Meter meter, Value.Mapping mapping, StringBuilder out) {
    String separator = "{";
    for (Map.Entry<Value, Value> entry : mapping.entries().entrySet()) {
      out.append(separator);
      repr(meter, entry.getKey(), out);
      out.append(": ");
      repr(meter, entry.getValue(), out);
      separator = ", ";
    }
    out.append(mapping.entries().isEmpty() ? "{}" : "}");
  }

  /** Quotes with {@code '}, or with {@code "} if that saves escapes. */
  private static void quote(String s, StringBuilder out) {
    char quote = s.indexOf('\'') >= 0 && s.indexOf('"') < 0 ? '"' : '\'';
    out.append(quote);
    for (int codePoint : s.codePoints().toArray()) {
      switch (codePoint) {
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\\' -> out.append("\\\\");
        default -> {
          if (codePoint == quote) {
            out.append('\\').append(quote);
          } else if (isPrintable(codePoint)) {
            out.appendCodePoint(codePoint);
          } else {
            String format =
                codePoint <= 0xff ? "\\x%02x" : codePoint <= 0xffff ? "\\u%04x" : "\\U%08x";
            out.append(String.format(format, codePoint));
          }
        }
      }
    }
    out.append(quote);
  }

  private static boolean isPrintable(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      case Character.SPACE_SEPARATOR -> codePoint == ' ';
      default -> true;
    };
  }

  /** Returns the shortest decimal that identifies a float. */
  public static String real(double value) {
    if (!Double.isFinite(value)) {
      return Double.isNaN(value) ? "nan" : value < 0 ? "-inf" : "inf";
    }
    String sign = value < 0 || 1 / value < 0 ? "-" : "";
    BigDecimal shortest = shortest(Math.abs(value));
    String digits = shortest.unscaledValue().toString();
    int point = digits.length() - shortest.scale();
    if (point > -4 && point <= 16) {
      String plain = shortest.toPlainString();
      return sign + (plain.indexOf('.') < 0 ? plain + ".0" : plain);
    }
    String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
    return sign + mantissa + exponent(point - 1);
  }

  /** Removes the second digit that Java prints where one is sufficient, as in 4.9E-324. */
  private static BigDecimal shortest(double value) {
    if (value == 0) {
      return BigDecimal.ZERO;
    }
    BigDecimal digits = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    BigDecimal one = digits.round(new MathContext(1, RoundingMode.HALF_EVEN));
    return one.doubleValue() == value ? one.stripTrailingZeros() : digits;
  }

  /** Returns an exponent with a sign and at least two digits. */
  public static String exponent(int exponent) {
    return String.format("e%s%02d", exponent < 0 ? "-" : "+", Math.abs(exponent));
  }
}
