package dev.vidrio.template.value;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Integers, floats and booleans as Python takes them for numbers. */
public final class Numbers {

  /** Keeps every operation on integers near the cost of one on 64 bits. */
  public static final int MAX_BITS = 1024;

  /** Decimal digits that an integer of {@link #MAX_BITS} can have. */
  public static final int MAX_DIGITS = 308;

  private static final Pattern REAL =
      Pattern.compile("(?=\\.?\\d)(\\d+(_\\d+)*)?(\\.(\\d+(_\\d+)*)?)?(e[+-]?\\d+(_\\d+)*)?");

  private Numbers() {}

  public static boolean isNumber(Value value) {
    return isInteger(value) || value instanceof Value.Real;
  }

  /** Whether a value counts as an integer; booleans do. */
  public static boolean isInteger(Value value) {
    return value instanceof Value.Int || value instanceof Value.Bool;
  }

  /** The value of what {@linkplain #isInteger is an integer}. */
  public static BigInteger integer(Value value) {
    return switch (value) {
      case Value.Int i -> i.value();
      case Value.Bool b -> b.value() ? BigInteger.ONE : BigInteger.ZERO;
      default -> throw Fault.failed("a value of type '" + Value.type(value) + "' is no integer");
    };
  }

  /** The value of what {@linkplain #isNumber is a number}. */
  public static double real(Value value) {
    return value instanceof Value.Real(double real) ? real : integer(value).doubleValue();
  }

  /** Cuts an integer to the nearest of 64 bits. */
  public static long toLong(BigInteger value) {
    if (value.bitLength() < Long.SIZE) {
      return value.longValue();
    }
    return value.signum() < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
  }

  public static Value of(BigInteger value) {
    if (value.bitLength() > MAX_BITS) {
      throw Fault.failed("makes an integer of more than " + MAX_BITS + " bits");
    }
    return new Value.Int(value);
  }

  /** The value of a number as an exact decimal, or null for what is no finite number. */
  public static @Nullable BigDecimal decimal(Value value) {
    return switch (value) {
      case Value.Bool b -> b.value() ? BigDecimal.ONE : BigDecimal.ZERO;
      case Value.Int i -> new BigDecimal(i.value());
      case Value.Real r when Double.isFinite(r.value()) -> new BigDecimal(r.value());
      default -> null;
    };
  }

  /** Equality of numbers of any type, as {@link Value}'s records define {@code equals}. */
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

  /** A hash that numbers of the same value share, whatever their types. */
  static int hash(Value number) {
    return Double.hashCode(real(number) + 0.0);
  }

  /** The base that the letter of a prefix such as {@code 0x} stands for. */
  public static int radix(char letter) {
    return switch (letter) {
      case 'b', 'B' -> 2;
      case 'o', 'O' -> 8;
      default -> 16;
    };
  }

  /** Reads a string as Python's {@code int()} does, or returns null. */
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

  /** Reads a string as Python's {@code float()} does, or returns null. */
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
