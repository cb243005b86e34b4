package dev.vidrio.template.operation;

import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Numbers;
import dev.vidrio.template.value.Value;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;

/** Python's arithmetic on integers, floats and booleans. */
public final class NumberArithmetic {

  private static final MathContext QUOTIENT = new MathContext(40, RoundingMode.HALF_EVEN);

  private NumberArithmetic() {}

  /** Computes {@code left operator right} of two numbers. */
  static Value compute(Operator operator, Value.Numeric left, Value.Numeric right) {
    return left instanceof Value.Integral a && right instanceof Value.Integral b
        ? integers(operator, a.integer(), b.integer())
        : new Value.Real(reals(operator, left.real(), right.real()));
  }

  private static Value integers(Operator operator, BigInteger a, BigInteger b) {
    return switch (operator) {
      case ADD -> Numbers.of(a.add(b));
      case SUBTRACT -> Numbers.of(a.subtract(b));
      case MULTIPLY -> Numbers.of(a.multiply(b));
      case DIVIDE ->
          new Value.Real(
              new BigDecimal(a).divide(new BigDecimal(divisor(b)), QUOTIENT).doubleValue());
      case FLOOR_DIVIDE -> Numbers.of(floorDivide(a, divisor(b)));
      case MODULO -> Numbers.of(a.subtract(floorDivide(a, divisor(b)).multiply(b)));
      case POWER -> power(a, b);
      default -> throw new IllegalArgumentException(operator.symbol());
    };
  }

  private static BigInteger divisor(BigInteger b) {
    if (b.signum() == 0) {
      throw Fault.failed("division by zero");
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
    if (b.bitLength() > 31 || (long) (a.bitLength() - 1) * b.intValue() > Numbers.MAX_BITS) {
      throw Fault.failed("the integer result has more than " + Numbers.MAX_BITS + " bits");
    }
    return Numbers.of(a.pow(b.intValue()));
  }

  private static double reals(Operator operator, double a, double b) {
    return switch (operator) {
      case ADD -> a + b;
      case SUBTRACT -> a - b;
      case MULTIPLY -> a * b;
      case DIVIDE -> a / divisor(b);
      case FLOOR_DIVIDE -> Math.rint((a - modulo(a, b)) / b);
      case MODULO -> modulo(a, b);
      case POWER -> realPower(a, b);
      default -> throw new IllegalArgumentException(operator.symbol());
    };
  }

  private static double divisor(double b) {
    if (b == 0) {
      throw Fault.failed("division by zero");
    }
    return b;
  }

  /** Returns the remainder with the sign of the divisor. */
  private static double modulo(double a, double b) {
    double remainder = a % divisor(b);
    if (remainder == 0) {
      return Math.copySign(0.0, b);
    }
    return (remainder < 0) == (b < 0) ? remainder : remainder + b;
  }

  private static double realPower(double a, double b) {
    if (a == 0 && b < 0) {
      throw Fault.failed("division by zero");
    }
    double power = Math.pow(a, b);
    if (Double.isNaN(power) && !Double.isNaN(a) && !Double.isNaN(b)) {
      throw Fault.failed("a negative number cannot be raised to a fractional power");
    }
    return power;
  }

  /** Applies the unary {@code +}, which converts booleans to integers. */
  public static Value plus(Value.Numeric value) {
    return switch (value) {
      case Value.Real r -> r;
      case Value.Integral i -> new Value.Int(i.integer());
    };
  }

  /** Applies the unary {@code -}. */
  public static Value negate(Value.Numeric value) {
    return switch (value) {
      case Value.Real(double real) -> new Value.Real(-real);
      case Value.Integral i -> Numbers.of(i.integer().negate());
    };
  }

  /** Returns the absolute value. */
  public static Value abs(Value.Numeric value) {
    return switch (value) {
      case Value.Real(double real) -> new Value.Real(Math.abs(real));
      case Value.Integral i -> Numbers.of(i.integer().abs());
    };
  }

  /** Rounds to a number of decimals as Python does, half to even on the exact value. */
  public static Value round(Value.Numeric value, long decimals) {
    BigDecimal exact = Numbers.decimal(value);
    if (exact == null || Math.abs(decimals) > Numbers.MAX_DIGITS) {
      return value;
    }
    BigDecimal rounded = exact.setScale((int) decimals, RoundingMode.HALF_EVEN);
    return value instanceof Value.Real(double real)
        ? new Value.Real(Math.copySign(rounded.doubleValue(), real))
        : Numbers.of(rounded.toBigInteger());
  }
}
