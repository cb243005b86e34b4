package dev.vidrio.template.operation;

import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Numbers;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Python's format specification: {@code
 * [[fill]align][sign][#][0][width][grouping][.precision][type]}.
 *
 * @param fill the fill character
 * @param align one of {@code < > = ^}, or 0 for the type's default
 * @param sign one of {@code - + } and space
 * @param alternate whether {@code #} requests prefixes and trailing zeros
 * @param width the minimum width in code points
 * @param grouping {@code ,} or {@code _} between digits, or 0
 * @param precision the number of digits or characters, or −1
 * @param type the presentation type, or 0
 * @see <a href="https://docs.python.org/3/library/string.html#formatspec">Format specification</a>
 */
record FormatSpec(
    String fill,
    char align,
    char sign,
    boolean alternate,
    int width,
    char grouping,
    int precision,
    char type) {

  private static final int MAX_PRECISION = 1000;

  private static final Pattern SYNTAX =
      Pattern.compile(
          "(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\\d{1,7})?([,_])?(?:\\.(\\d{1,4}))?([a-zA-Z%])?",
          Pattern.DOTALL);

  static FormatSpec parse(String text) {
    Matcher m = SYNTAX.matcher(text);
    if (!m.matches()) {
      throw Fault.unsupported("format '" + text + "'");
    }
    boolean zeros = m.group(5) != null;
    char align = letter(m.group(2), zeros ? '=' : '\0');
    String fill = m.group(1) != null ? m.group(1) : zeros ? "0" : " ";
    return new FormatSpec(
        fill,
        align,
        letter(m.group(3), '-'),
        m.group(4) != null,
        number(m.group(6), 0),
        letter(m.group(7), '\0'),
        number(m.group(8), -1),
        letter(m.group(9), '\0'));
  }

  private static char letter(@Nullable String group, char otherwise) {
    return group == null ? otherwise : group.charAt(0);
  }

  private static int number(@Nullable String group, int otherwise) {
    return group == null ? otherwise : Integer.parseInt(group);
  }

  /** Formats a string, an integer, a float or a boolean. */
  String format(Meter meter, Value value) {
    if (precision > MAX_PRECISION) {
      throw Fault.failed("format precision must be at most " + MAX_PRECISION);
    }
    return switch (value) {
      case Value.Text t -> text(meter, t.value());
      case Value.Bool b when type == '\0' && width == 0 -> Printer.str(meter, b);
      case Value.Bool b -> number(meter, b);
      case Value.Int i -> number(meter, i);
      case Value.Real r -> number(meter, r);
      default ->
          throw Fault.failed("a value of type '" + Value.type(value) + "' cannot be formatted");
    };
  }

  private String text(Meter meter, String s) {
    if ((type != '\0' && type != 's') || (align == '=' && !fill.equals("0")) || grouping != '\0') {
      throw Fault.failed("the format is not valid for a string");
    }
    String cut =
        precision >= 0 && precision < Strings.length(s)
            ? s.substring(0, s.offsetByCodePoints(0, precision))
            : s;
    return pad(meter, "", cut, '<');
  }

  private String number(Meter meter, Value value) {
    meter.number(value);
    boolean real = value instanceof Value.Real || (type != '\0' && "eEfFgG%".indexOf(type) >= 0);
    boolean negative =
        real
            ? Math.copySign(1, Numbers.real(value)) < 0 && !Double.isNaN(Numbers.real(value))
            : Numbers.integer(value).signum() < 0;
    String digits =
        real ? real(Math.abs(Numbers.real(value))) : integer(Numbers.integer(value).abs());
    String prefix = negative ? "-" : sign == '-' ? "" : String.valueOf(sign);
    if (!real && alternate && "boxX".indexOf(type) >= 0) {
      prefix += "0" + type;
    }
    return pad(meter, prefix, digits, '>');
  }

  private String integer(BigInteger value) {
    if (precision >= 0) {
      throw Fault.failed("precision is not allowed for an integer");
    }
    return switch (type) {
      case '\0', 'd', 'n' -> grouped(value.toString(), 3);
      case 'b' -> grouped(value.toString(2), 4);
      case 'o' -> grouped(value.toString(8), 4);
      case 'x' -> grouped(value.toString(16), 4);
      case 'X' -> grouped(Strings.upper(value.toString(16)), 4);
      case 'c' ->
          Character.toString(value.min(BigInteger.valueOf(Character.MAX_CODE_POINT)).intValue());
      default -> throw Fault.unsupported("format type '" + type + "' of an integer");
    };
  }

  private String real(double value) {
    if (!Double.isFinite(value)) {
      String name = Printer.real(value);
      return Character.isUpperCase(type) ? Strings.upper(name) : name;
    }
    int digits = precision < 0 ? 6 : precision;
    String text =
        switch (type) {
          case 'f', 'F' -> fixed(new BigDecimal(value), digits);
          case '%' -> fixed(new BigDecimal(value).movePointRight(2), digits) + "%";
          case 'e', 'E' -> scientific(new BigDecimal(value), digits);
          case 'g', 'G', 'n' -> general(new BigDecimal(value), Math.max(1, digits), false);
          case '\0' ->
              precision < 0
                  ? Printer.real(value)
                  : general(new BigDecimal(value), Math.max(1, digits), true);
          default -> throw Fault.unsupported("format type '" + type + "' of a float");
        };
    text = Character.isUpperCase(type) ? Strings.upper(text) : text;
    int point = 0;
    while (point < text.length() && Character.isDigit(text.charAt(point))) {
      point++;
    }
    return grouped(text.substring(0, point), 3) + text.substring(point);
  }

  private static String fixed(BigDecimal value, int decimals) {
    return value.setScale(decimals, RoundingMode.HALF_EVEN).toPlainString();
  }

  private static String scientific(BigDecimal value, int decimals) {
    if (value.signum() == 0) {
      return fixed(value, decimals) + "e+00";
    }
    BigDecimal rounded = value.round(new MathContext(decimals + 1, RoundingMode.HALF_EVEN));
    int exponent = exponent(rounded);
    BigDecimal mantissa = rounded.movePointLeft(exponent);
    return fixed(mantissa, decimals) + Printer.exponent(exponent);
  }

  private static int exponent(BigDecimal value) {
    return value.precision() - value.scale() - 1;
  }

  /**
   * Returns the shorter of fixed and scientific notation.
   *
   * @param asFloat whether to keep a decimal after the point, as without a type
   */
  private String general(BigDecimal value, int digits, boolean asFloat) {
    BigDecimal rounded = value.round(new MathContext(digits, RoundingMode.HALF_EVEN));
    int exponent = value.signum() == 0 ? 0 : exponent(rounded);
    if (exponent < -4 || exponent >= (asFloat ? Math.max(1, digits - 1) : digits)) {
      String text = scientific(value, digits - 1);
      int e = text.indexOf('e');
      return (alternate ? text.substring(0, e) : trimmed(text.substring(0, e))) + text.substring(e);
    }
    String text = fixed(value, digits - 1 - exponent);
    text = alternate ? text : trimmed(text);
    return asFloat && text.indexOf('.') < 0 ? text + ".0" : text;
  }

  private static String trimmed(String s) {
    return s.indexOf('.') < 0
        ? s
        : Strings.strip(Strings.strip(s, "0", false, true), ".", false, true);
  }

  private String grouped(String digits, int size) {
    if (grouping == '\0') {
      return digits;
    }
    StringBuilder out = new StringBuilder(digits);
    for (int i = digits.length() - size; i > 0; i -= size) {
      out.insert(i, grouping);
    }
    return out.toString();
  }

  private String pad(Meter meter, String prefix, String text, char ownAlign) {
    int inner = width - prefix.length();
    return switch (align == '\0' || (align == '=' && ownAlign == '<') ? ownAlign : align) {
      case '<' -> Padding.pad(meter, prefix + text, width, fill, Padding.Side.RIGHT);
      case '=' -> prefix + Padding.pad(meter, text, inner, fill, Padding.Side.LEFT);
      case '^' -> Padding.pad(meter, prefix + text, width, fill, Padding.Side.MIDDLE);
      default -> Padding.pad(meter, prefix + text, width, fill, Padding.Side.LEFT);
    };
  }
}
