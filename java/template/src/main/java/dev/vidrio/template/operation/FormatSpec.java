package dev.vidrio.template.operation;

import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
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

  private static final Pattern WHOLE = Pattern.compile("^\\d+");

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
      case Value.Numeric n -> number(meter, n);
      default -> throw Fault.of(value, "cannot be formatted");
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

  private String number(Meter meter, Value.Numeric value) {
    meter.number(value);
    String prefix = sign == '-' ? "" : String.valueOf(sign);
    if (value instanceof Value.Integral i && (type == '\0' || "eEfFgG%".indexOf(type) < 0)) {
      prefix = i.integer().signum() < 0 ? "-" : prefix;
      prefix += alternate && "boxX".indexOf(type) >= 0 ? "0" + type : "";
      return pad(meter, prefix, integer(i.integer().abs()), '>');
    }
    double real = value.real();
    boolean negative = Math.copySign(1, real) < 0 && !Double.isNaN(real);
    return pad(meter, negative ? "-" : prefix, real(Math.abs(real)), '>');
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
    String text = Double.isFinite(value) ? finite(value) : Printer.real(value);
    text = Character.isUpperCase(type) ? Strings.upper(text) : text;
    return WHOLE.matcher(text).replaceFirst(digits -> grouped(digits.group(), 3));
  }

  private String finite(double value) {
    BigDecimal exact = new BigDecimal(value);
    int digits = precision < 0 ? 6 : precision;
    return switch (type) {
      case 'f', 'F' -> fixed(exact, digits);
      case '%' -> fixed(exact.movePointRight(2), digits) + "%";
      case 'e', 'E' -> scientific(exact, digits);
      case 'g', 'G', 'n' -> general(exact, Math.max(1, digits), false);
      case '\0' -> precision < 0 ? Printer.real(value) : general(exact, Math.max(1, digits), true);
      default -> throw Fault.unsupported("format type '" + type + "' of a float");
    };
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
    boolean scientific = exponent < -4 || exponent >= (asFloat ? Math.max(1, digits - 1) : digits);
    String text = scientific ? scientific(value, digits - 1) : fixed(value, digits - 1 - exponent);
    if (!alternate && text.indexOf('.') >= 0) {
      text = text.replaceFirst("\\.?0*(?=e|$)", "");
    }
    return asFloat && !scientific && text.indexOf('.') < 0 ? text + ".0" : text;
  }

  private String grouped(String digits, int size) {
    return grouping == '\0'
        ? digits
        : digits.replaceAll("\\B(?=(?:.{" + size + "})+$)", String.valueOf(grouping));
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
