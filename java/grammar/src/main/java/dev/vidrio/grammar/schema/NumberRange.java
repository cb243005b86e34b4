package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.Expr;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/**
 * The decimal texts of the numbers in a range: a digit is unrestricted once the digits before it
 * differ from both bounds.
 */
final class NumberRange {

  private static final Expr DIGIT = Expr.range('0', '9');

  private final int fractionDigits;
  private final int integerDigits;
  private final String low;
  private final String high;

  /** Creates a range; the bounds must have equal length. */
  private NumberRange(int fractionDigits, String low, String high) {
    this.fractionDigits = fractionDigits;
    this.integerDigits = low.length() - fractionDigits;
    this.low = low;
    this.high = high;
  }

  /**
   * Returns the numbers n / 10^fractionDigits for all n from low to high, with at most {@code
   * fractionDigits} decimals, without exponents and negative zero.
   */
  static Expr of(BigInteger low, BigInteger high, int fractionDigits) {
    List<Expr> parts = new ArrayList<>();
    if (low.signum() < 0 && low.compareTo(high) <= 0) {
      BigInteger smallest = high.negate().max(BigInteger.ONE);
      parts.add(Expr.sequence(Expr.text("-"), positive(smallest, low.negate(), fractionDigits)));
    }
    if (high.signum() >= 0) {
      parts.add(positive(low.max(BigInteger.ZERO), high, fractionDigits));
    }
    return Expr.choice(parts);
  }

  private static Expr positive(BigInteger low, BigInteger high, int fractionDigits) {
    List<Expr> parts = new ArrayList<>();
    int longest = Math.max(high.toString().length() - fractionDigits, 1);
    for (int length = 1; length <= longest; length++) {
      BigInteger first = length == 1 ? BigInteger.ZERO : power(length - 1 + fractionDigits);
      BigInteger last = power(length + fractionDigits).subtract(BigInteger.ONE);
      BigInteger from = low.max(first);
      BigInteger to = high.min(last);
      if (from.compareTo(to) <= 0) {
        int digits = length + fractionDigits;
        NumberRange range = new NumberRange(fractionDigits, pad(from, digits), pad(to, digits));
        parts.add(range.from(0, true, true));
      }
    }
    return Expr.choice(parts);
  }

  private static BigInteger power(int exponent) {
    return BigInteger.TEN.pow(exponent);
  }

  private static String pad(BigInteger number, int digits) {
    String text = number.toString();
    return "0".repeat(digits - text.length()) + text;
  }

  /**
   * Returns the digits after the first i.
   *
   * @param asLow whether the first i digits equal those of the lower bound
   * @param asHigh whether the first i digits equal those of the upper bound
   */
  private Expr from(int i, boolean asLow, boolean asHigh) {
    if (!asLow && !asHigh) {
      return free(i);
    }
    if (i == low.length()) {
      return Expr.EMPTY;
    }
    Expr more = digit(i, asLow, asHigh);
    if (i < integerDigits) {
      return more;
    }
    if (i == integerDigits) {
      more = Expr.sequence(Expr.text("."), more);
    }
    boolean mayEnd = !asLow || low.substring(i).chars().allMatch(c -> c == '0');
    return mayEnd ? Expr.optional(more) : more;
  }

  private Expr digit(int i, boolean asLow, boolean asHigh) {
    char min = asLow ? low.charAt(i) : '0';
    char max = asHigh ? high.charAt(i) : '9';
    if (asLow && asHigh && min == max) {
      return Expr.sequence(Expr.range(min, min), from(i + 1, true, true));
    }
    List<Expr> parts = new ArrayList<>();
    char first = min;
    char last = max;
    if (asLow) {
      parts.add(Expr.sequence(Expr.range(min, min), from(i + 1, true, false)));
      first++;
    }
    if (asHigh) {
      parts.add(Expr.sequence(Expr.range(max, max), from(i + 1, false, true)));
      last--;
    }
    if (first <= last) {
      parts.add(Expr.sequence(Expr.range(first, last), free(i + 1)));
    }
    return new Expr.Choice(parts);
  }

  private Expr free(int i) {
    if (i > integerDigits) {
      return new Expr.Repeat(DIGIT, 0, low.length() - i);
    }
    Expr integer = new Expr.Repeat(DIGIT, integerDigits - i, integerDigits - i);
    if (fractionDigits == 0) {
      return integer;
    }
    Expr fraction = Expr.sequence(Expr.text("."), new Expr.Repeat(DIGIT, 1, fractionDigits));
    return Expr.sequence(integer, Expr.optional(fraction));
  }
}
