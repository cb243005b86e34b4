package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.Dfa;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.StateBudget;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Compiles the number keywords of JSON Schema. */
final class NumberRules {

  /** The number of decimals of bounded numbers. */
  private static final int FRACTION_DIGITS = 16;

  /** The number of integer digits of bounds, and of numbers without a bound. */
  private static final int MAX_DIGITS = 30;

  private static final int FREE_DIGITS = 16;

  private NumberRules() {}

  /** Returns the expression of the numbers. */
  static Expr number(Conjunction all, StateBudget budget) {
    List<BigDecimal> excluded =
        all.excluded.stream().filter(JsonNode::isNumber).map(JsonNode::decimalValue).toList();
    boolean plain = all.multiples.isEmpty() && excluded.isEmpty();
    if (all.bounds.isEmpty() && plain) {
      return all.integer ? JsonRules.integer() : JsonRules.number();
    }
    Expr range = range(all);
    if (plain || range.equals(Expr.NOTHING)) {
      return range;
    }
    Dfa numbers = Dfa.of(budget, range);
    for (Conjunction.Multiple multiple : all.multiples) {
      Dfa multiples = MultipleOf.automaton(multiple.of());
      numbers =
          multiple.negated()
              ? numbers.minus(budget, multiples)
              : numbers.intersect(budget, multiples);
    }
    for (BigDecimal number : excluded) {
      if (number.abs().compareTo(BigDecimal.TEN.pow(MAX_DIGITS)) < 0
          && number.scale() < MAX_DIGITS) {
        numbers = numbers.minus(budget, Dfa.of(budget, written(number)));
      }
    }
    return numbers.isEmpty() ? Expr.NOTHING : Expr.machine(numbers);
  }

  /** Returns all spellings of a number without an exponent. */
  private static Expr written(BigDecimal number) {
    String plain = number.abs().stripTrailingZeros().toPlainString();
    Expr zeros = Expr.star(Expr.text("0"));
    Expr minus = Expr.text("-");
    Expr sign =
        switch (number.signum()) {
          case 0 -> Expr.optional(minus);
          case 1 -> Expr.EMPTY;
          default -> minus;
        };
    Expr fraction =
        plain.contains(".") ? zeros : Expr.optional(Expr.sequence(Expr.text("."), zeros));
    return Expr.sequence(sign, Expr.text(plain), fraction);
  }

  private static Expr range(Conjunction all) {
    int digits = all.integer ? 0 : FRACTION_DIGITS;
    for (Conjunction.Multiple multiple : all.multiples) {
      if (!multiple.negated()) {
        digits = Math.min(digits, Math.max(multiple.of().stripTrailingZeros().scale(), 1));
      }
    }
    if (all.bounds.isEmpty()) {
      return JsonRules.decimal(digits);
    }
    BigInteger low = null;
    BigInteger high = null;
    for (Conjunction.Bound bound : all.bounds) {
      if (excludesAll(bound)) {
        return Expr.NOTHING;
      }
      BigInteger last = last(bound, digits);
      if (bound.upper()) {
        high = high == null ? last : high.min(last);
      } else {
        low = low == null ? last : low.max(last);
      }
    }
    BigInteger from = low != null ? low : open(high, digits).negate();
    BigInteger to = high != null ? high : open(low, digits);
    return from.compareTo(to) > 0 ? Expr.NOTHING : NumberRange.of(from, to, digits);
  }

  /**
   * Returns the bound in an unbounded direction: 16 digits, or one more than the other bound has.
   */
  private static BigInteger open(@Nullable BigInteger other, int fractionDigits) {
    int digits = FREE_DIGITS + fractionDigits;
    if (other != null) {
      digits = Math.max(digits, other.abs().toString().length() + 1);
    }
    return BigInteger.TEN.pow(digits).subtract(BigInteger.ONE);
  }

  /** Returns the number of digits before the decimal point; negative for zeros after it. */
  private static long digits(BigDecimal value) {
    return (long) value.precision() - value.scale();
  }

  /** Returns whether all numbers within a bound are too large to be generated. */
  private static boolean excludesAll(Conjunction.Bound bound) {
    return bound.value().signum() == (bound.upper() ? -1 : 1) && digits(bound.value()) > MAX_DIGITS;
  }

  /** Returns the last number within a bound, times 10^fractionDigits. */
  private static BigInteger last(Conjunction.Bound bound, int fractionDigits) {
    BigDecimal value = bound.value();
    long digits = digits(value);
    if (digits > MAX_DIGITS || digits < -MAX_DIGITS) {
      // No generated number is that large or that close to zero.
      int power = digits > 0 ? MAX_DIGITS : -MAX_DIGITS;
      value = BigDecimal.valueOf(value.signum()).scaleByPowerOfTen(power);
    }
    BigDecimal exact = value.scaleByPowerOfTen(fractionDigits);
    BigInteger whole =
        exact.setScale(0, bound.upper() ? RoundingMode.FLOOR : RoundingMode.CEILING).toBigInteger();
    boolean hit = bound.exclusive() && exact.compareTo(new BigDecimal(whole)) == 0;
    BigInteger step = bound.upper() ? BigInteger.ONE.negate() : BigInteger.ONE;
    return hit ? whole.add(step) : whole;
  }
}
