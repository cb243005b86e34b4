package dev.vidrio.model.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Python's arithmetic on integers, floats and booleans. */
final class Numbers {

  /** Keeps every operation on integers near the cost of one on 64 bits. */
  static final int MAX_BITS = 1024;

  /** Decimal digits that an integer of {@link #MAX_BITS} can have. */
  static final int MAX_DIGITS = 308;

  private static final MathContext QUOTIENT = new MathContext(40, RoundingMode.HALF_EVEN);

  private static final Pattern REAL =
      Pattern.compile("(?=\\.?\\d)(\\d+(_\\d+)*)?(\\.(\\d+(_\\d+)*)?)?(e[+-]?\\d+(_\\d+)*)?");

  private Numbers() {}

  static boolean isNumber(Value value) {
    return isInteger(value) || value instanceof Value.Real;
  }

  /** Whether a value counts as an integer; booleans do. */
  static boolean isInteger(Value value) {
    return value instanceof Value.Int || value instanceof Value.Bool;
  }

  /** The value of what {@linkplain #isInteger is an integer}. */
  static BigInteger integer(Value value) {
    return switch (value) {
      case Value.Int i -> i.value();
      case Value.Bool b -> b.value() ? BigInteger.ONE : BigInteger.ZERO;
      default -> throw Fault.failed("a value of type '" + Value.type(value) + "' is no integer");
    };
  }

  /** The value of what {@linkplain #isNumber is a number}. */
  static double real(Value value) {
    return value instanceof Value.Real(double real) ? real : integer(value).doubleValue();
  }

  /** Cuts an integer to the nearest of 64 bits. */
  static long toLong(BigInteger value) {
    if (value.bitLength() < Long.SIZE) {
      return value.longValue();
    }
    return value.signum() < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
  }

  static Value of(BigInteger value) {
    if (value.bitLength() > MAX_BITS) {
      throw Fault.failed("makes an integer of more than " + MAX_BITS + " bits");
    }
    return new Value.Int(value);
  }

  /** Computes {@code left operator right} of two numbers. */
  static Value compute(String operator, Value left, Value right) {
    if (isInteger(left) && isInteger(right)) {
      return integers(operator, integer(left), integer(right));
    }
    return new Value.Real(reals(operator, real(left), real(right)));
  }

  private static Value integers(String operator, BigInteger a, BigInteger b) {
    return switch (operator) {
      case "+" -> of(a.add(b));
      case "-" -> of(a.subtract(b));
      case "*" -> of(a.multiply(b));
      case "/" ->
          new Value.Real(
              new BigDecimal(a).divide(new BigDecimal(divisor(b)), QUOTIENT).doubleValue());
      case "//" -> of(floorDivide(a, divisor(b)));
      case "%" -> of(a.subtract(floorDivide(a, divisor(b)).multiply(b)));
      default -> power(a, b);
    };
  }

  private static BigInteger divisor(BigInteger b) {
    if (b.signum() == 0) {
      throw Fault.failed("divides by zero");
    }
    return b;
  }

  private static BigInteger floorDivide(BigInteger a, BigInteger b) {
    BigInteger[] result = a.divideAndRemainder(b);
    boolean below = result[1].signum() != 0 && result[1].signum() != b.signum();
    return below ? result[0].subtract(BigInteger.ONE) : result[0];
  }

  private static Value power(BigInteger a, BigInteger b) {
    if (b.signum() < 0) {
      return new Value.Real(realPower(a.doubleValue(), b.doubleValue()));
    }
    if (a.abs().bitLength() <= 1) {
      boolean even = !b.testBit(0);
      return Value.of(a.signum() == 0 && b.signum() != 0 ? 0 : a.signum() < 0 && !even ? -1 : 1);
    }
    if (b.bitLength() > 31 || (long) (a.bitLength() - 1) * b.intValue() > MAX_BITS) {
      throw Fault.failed("makes an integer of more than " + MAX_BITS + " bits");
    }
    return of(a.pow(b.intValue()));
  }

  private static double reals(String operator, double a, double b) {
    if (b == 0 && (operator.equals("/") || operator.equals("//") || operator.equals("%"))) {
      throw Fault.failed("divides by zero");
    }
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> Math.rint((a - modulo(a, b)) / b);
      case "%" -> modulo(a, b);
      default -> realPower(a, b);
    };
  }

  /** The remainder with the sign of the divisor. */
  private static double modulo(double a, double b) {
    double remainder = a % b;
    if (remainder == 0) {
      return Math.copySign(0.0, b);
    }
    return (remainder < 0) == (b < 0) ? remainder : remainder + b;
  }

  private static double realPower(double a, double b) {
    if (a == 0 && b < 0) {
      throw Fault.failed("divides by zero");
    }
    double power = Math.pow(a, b);
    if (Double.isNaN(power) && !Double.isNaN(a) && !Double.isNaN(b)) {
      throw Fault.failed("raises a negative number to a fraction");
    }
    return power;
  }

  /** The sign {@code +} makes integers of booleans. */
  static Value plus(Value value) {
    return value instanceof Value.Real ? value : of(integer(value));
  }

  static Value negate(Value value) {
    return value instanceof Value.Real(double real)
        ? new Value.Real(-real)
        : of(integer(value).negate());
  }

  static Value abs(Value value) {
    return value instanceof Value.Real(double real)
        ? new Value.Real(Math.abs(real))
        : of(integer(value).abs());
  }

  /** Reads a string as Python's {@code int()} does, or returns null. */
  static @Nullable BigInteger parseInteger(String text, int base) {
    String digits = Strings.strip(text, null, true, true);
    boolean negative = digits.startsWith("-");
    if (negative || digits.startsWith("+")) {
      digits = digits.substring(1);
    }
    if (digits.length() > 2 && digits.charAt(0) == '0' && Character.isLetter(digits.charAt(1))) {
      boolean matches =
          "bBoOxX".indexOf(digits.charAt(1)) >= 0 && Lexer.radix(digits.charAt(1)) == base;
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
  static @Nullable Double parseReal(String text) {
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

  /** Rounds to a number of decimals as Python does: halves of the exact value go to even. */
  static Value round(Value value, long decimals) {
    BigDecimal exact = Value.decimal(value);
    if (exact == null || Math.abs(decimals) > MAX_DIGITS) {
      return value;
    }
    BigDecimal rounded = exact.setScale((int) decimals, RoundingMode.HALF_EVEN);
    return value instanceof Value.Real(double real)
        ? new Value.Real(Math.copySign(rounded.doubleValue(), real))
        : of(rounded.toBigInteger());
  }
}
