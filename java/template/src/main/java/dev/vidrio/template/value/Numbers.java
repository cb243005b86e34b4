package dev.vidrio.template.value;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Python's numbers: integers, floats and booleans. */
public final class Numbers {

  /** The maximum size of an integer, so that operations cost about as much as on 64 bits. */
  public static final int MAX_BITS = 1024;

  /** The number of decimal digits of an integer of {@link #MAX_BITS}. */
  public static final int MAX_DIGITS = 308;

  private static final Pattern INTEGER =
      Pattern.compile(
          "[+-]?(?!.{" + (MAX_DIGITS + 1) + "})[^\\W_](_?[^\\W_])*+",
          Pattern.UNICODE_CHARACTER_CLASS);

  private static final Pattern REAL =
      Pattern.compile("(?=\\.?\\d)(\\d+(_\\d+)*)?(\\.(\\d+(_\\d+)*)?)?(e[+-]?\\d+(_\\d+)*)?");

  private Numbers() {}

  /** Returns an integer value. */
  public static Value of(BigInteger value) {
    if (value.bitLength() > MAX_BITS) {
      throw Fault.failed("the integer result has more than " + MAX_BITS + " bits");
    }
    return new Value.Int(value);
  }

  /** Returns a number as an exact decimal, or null if it is not finite. */
  public static @Nullable BigDecimal decimal(Value.Numeric value) {
    return switch (value) {
      case Value.Integral i -> new BigDecimal(i.integer());
      case Value.Real(double real) -> Double.isFinite(real) ? new BigDecimal(real) : null;
    };
  }

  /**
   * Returns whether numbers of any type are equal; defines {@code equals} of the records of {@link
   * Value}.
   */
  static boolean equal(Value.Numeric number, @Nullable Object other) {
    if (!(other instanceof Value.Numeric value)) {
      return false;
    }
    if (number instanceof Value.Integral a && value instanceof Value.Integral b) {
      return a.integer().equals(b.integer());
    }
    if (number instanceof Value.Real(double a) && value instanceof Value.Real(double b)) {
      return a == b;
    }
    BigDecimal a = decimal(number);
    BigDecimal b = decimal(value);
    return a != null && b != null && a.compareTo(b) == 0;
  }

  /** Returns a hash that equal numbers of different types share. */
  static int hash(Value.Numeric number) {
    return Double.hashCode(number.real() + 0.0);
  }

  /** Parses a string like Python's {@code int()}, or returns null. */
  public static @Nullable BigInteger parseInteger(String text, int base) {
    String prefix =
        switch (base) {
          case 2 -> "0[bB]";
          case 8 -> "0[oO]";
          case 16 -> "0[xX]";
          default -> "";
        };
    String number =
        Strings.strip(text, null, true, true)
            .replaceFirst("^([+-]?)" + prefix + "(?=[^\\W_])", "$1");
    try {
      return INTEGER.matcher(number).matches()
          ? new BigInteger(number.replace("_", ""), base)
          : null;
    } catch (NumberFormatException e) {
      return null;
    }
  }

  /** Parses a string like Python's {@code float()}, or returns null. */
  public static @Nullable Double parseReal(String text) {
    String number = Strings.lower(Strings.strip(text, null, true, true));
    String magnitude = number.replaceFirst("^[+-]", "");
    Double value =
        switch (magnitude) {
          case "inf", "infinity" -> Double.POSITIVE_INFINITY;
          case "nan" -> Double.NaN;
          default ->
              magnitude.length() <= MAX_DIGITS && REAL.matcher(magnitude).matches()
                  ? Double.valueOf(magnitude.replace("_", ""))
                  : null;
        };
    return value != null && number.startsWith("-") ? Double.valueOf(-value) : value;
  }
}
