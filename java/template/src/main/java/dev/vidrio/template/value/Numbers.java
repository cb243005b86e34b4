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

  private static final Pattern REAL =
      Pattern.compile("(?=\\.?\\d)(\\d+(_\\d+)*)?(\\.(\\d+(_\\d+)*)?)?(e[+-]?\\d+(_\\d+)*)?");

  private Numbers() {}

  /** Returns whether a value is a number; booleans are. */
  public static boolean isNumber(Value value) {
    return isInteger(value) || value instanceof Value.Real;
  }

  /** Returns whether a value is an integer; booleans are. */
  public static boolean isInteger(Value value) {
    return value instanceof Value.Int || value instanceof Value.Bool;
  }

  /** Returns the value of an {@linkplain #isInteger integer}. */
  public static BigInteger integer(Value value) {
    return switch (value) {
      case Value.Int i -> i.value();
      case Value.Bool b -> b.value() ? BigInteger.ONE : BigInteger.ZERO;
      default ->
          throw Fault.failed("a value of type '" + Value.type(value) + "' is not an integer");
    };
  }

  /** Returns the value of a {@linkplain #isNumber number}. */
  public static double real(Value value) {
    return value instanceof Value.Real(double real) ? real : integer(value).doubleValue();
  }

  /** Clamps an integer to 64 bits. */
  public static long toLong(BigInteger value) {
    if (value.bitLength() < Long.SIZE) {
      return value.longValue();
    }
    return value.signum() < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
  }

  /** Returns an integer value. */
  public static Value of(BigInteger value) {
    if (value.bitLength() > MAX_BITS) {
      throw Fault.failed("the integer result has more than " + MAX_BITS + " bits");
    }
    return new Value.Int(value);
  }

  /** Returns a number as an exact decimal, or null if it is not finite. */
  public static @Nullable BigDecimal decimal(Value value) {
    return switch (value) {
      case Value.Bool b -> b.value() ? BigDecimal.ONE : BigDecimal.ZERO;
      case Value.Int i -> new BigDecimal(i.value());
      case Value.Real r when Double.isFinite(r.value()) -> new BigDecimal(r.value());
      default -> null;
    };
  }

  /**
   * Returns whether numbers of any type are equal; defines {@code equals} of the records of {@link
   * Value}.
   */
  static boolean equal(Value number, @Nullable Object other) {
    if (!(other instanceof Value value) || !isNumber(value)) {
      return false;
    }
    if (isInteger(number) && isInteger(value)) {
      return integer(number).equals(integer(value));
    }
    if (number instanceof Value.Real(double a) && value instanceof Value.Real(double b)) {
      return a == b;
    }
    BigDecimal a = decimal(number);
    BigDecimal b = decimal(value);
    return a != null && b != null && a.compareTo(b) == 0;
  }

  /** Returns a hash that equal numbers of different types share. */
  static int hash(Value number) {
    return Double.hashCode(real(number) + 0.0);
  }

  /** Returns the base of a prefix letter, as in {@code 0x}. */
  public static int radix(char letter) {
    return switch (letter) {
      case 'b', 'B' -> 2;
      case 'o', 'O' -> 8;
      default -> 16;
    };
  }

  /** Parses a string like Python's {@code int()}, or returns null. */
  public static @Nullable BigInteger parseInteger(String text, int base) {
    String digits = Strings.strip(text, null, true, true);
    boolean negative = digits.startsWith("-");
    if (negative || digits.startsWith("+")) {
      digits = digits.substring(1);
    }
    if (digits.length() > 2 && digits.charAt(0) == '0' && Character.isLetter(digits.charAt(1))) {
      boolean matches = "bBoOxX".indexOf(digits.charAt(1)) >= 0 && radix(digits.charAt(1)) == base;
      digits = matches ? digits.substring(2) : digits;
    }
    if (digits.isEmpty() || digits.length() > MAX_DIGITS || base < 2 || base > 36) {
      return null;
    }
    for (int i = 0; i < digits.length(); i++) {
      boolean separator =
          digits.charAt(i) == '_'
              && i > 0
              && i + 1 < digits.length()
              && digits.charAt(i - 1) != '_';
      if (!separator && Character.digit(digits.charAt(i), base) < 0) {
        return null;
      }
    }
    BigInteger value = new BigInteger(digits.replace("_", ""), base);
    return negative ? value.negate() : value;
  }

  /** Parses a string like Python's {@code float()}, or returns null. */
  public static @Nullable Double parseReal(String text) {
    String number = Strings.lower(Strings.strip(text, null, true, true));
    boolean negative = number.startsWith("-");
    String magnitude = negative || number.startsWith("+") ? number.substring(1) : number;
    switch (magnitude) {
      case "inf", "infinity" -> {
        return negative ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
      }
      case "nan" -> {
        return Double.NaN;
      }
      default -> {}
    }
    if (magnitude.length() > MAX_DIGITS || !REAL.matcher(magnitude).matches()) {
      return null;
    }
    double value = Double.parseDouble(magnitude.replace("_", ""));
    return negative ? -value : value;
  }
}
