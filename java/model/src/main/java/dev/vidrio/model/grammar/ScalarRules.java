package dev.vidrio.model.grammar;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Strings and numbers of JSON schemas. */
final class ScalarRules {

  /** Digits behind the point of numbers within bounds. */
  private static final int FRACTION_DIGITS = 16;

  /** Digits before the point of bounds, and of numbers without one. */
  private static final int MAX_DIGITS = 30;

  private static final int FREE_DIGITS = 16;

  private ScalarRules() {}

  static Expr string(SchemaPart part, JsonRules json) {
    boolean counted = part.has("minLength") || part.has("maxLength");
    if ((part.has("pattern") ? 1 : 0) + (part.has("format") ? 1 : 0) + (counted ? 1 : 0) > 1) {
      throw part.error(
          part.has("pattern") ? "pattern" : "format",
          "cannot stand beside other keywords about strings");
    }
    if (part.has("pattern")) {
      String field = SchemaPart.FIELD + " '" + part.below("pattern") + "'";
      return JsonRules.quoted(JsonRules.escaped(RegexReader.anywhere(field, part.text("pattern"))));
    }
    if (part.has("format")) {
      Expr format =
          StringFormats.find(part.text("format"))
              .orElseThrow(
                  () ->
                      part.error(
                          "format",
                          "'" + part.text("format") + "' is not of " + StringFormats.names()));
      return JsonRules.quoted(format);
    }
    if (!counted) {
      return json.string();
    }
    int min = part.count("minLength", 0);
    int max = part.count("maxLength", -1);
    if (max >= 0 && max < min) {
      throw part.error("maxLength", "must be at least minLength");
    }
    return JsonRules.quoted(new Expr.Repeat(json.character(), min, max));
  }

  static Expr number(SchemaPart part, boolean integer) {
    int digits = integer ? 0 : FRACTION_DIGITS;
    BigInteger low = bound(part, "minimum", "exclusiveMinimum", digits, false);
    BigInteger high = bound(part, "maximum", "exclusiveMaximum", digits, true);
    if (low == null && high == null) {
      return integer ? JsonRules.integer() : JsonRules.number();
    }
    BigInteger from = low != null ? low : open(high, digits).negate();
    BigInteger to = high != null ? high : open(low, digits);
    if (from.compareTo(to) > 0) {
      throw part.error(
          part.has("maximum") ? "maximum" : "exclusiveMaximum",
          "leaves no number above the minimum");
    }
    return NumberRange.of(from, to, digits);
  }

  /** How far numbers go where no bound says it: to 16 digits, or one more than the other bound. */
  private static BigInteger open(@Nullable BigInteger other, int fractionDigits) {
    int digits = FREE_DIGITS + fractionDigits;
    if (other != null) {
      digits = Math.max(digits, other.abs().toString().length() + 1);
    }
    return BigInteger.TEN.pow(digits).subtract(BigInteger.ONE);
  }

  /** The last number within a bound, times 10^fractionDigits; null where there is no bound. */
  private static @Nullable BigInteger bound(
      SchemaPart part, String keyword, String exclusive, int fractionDigits, boolean upper) {
    BigInteger within = scaled(part, keyword, fractionDigits, upper, false);
    BigInteger beyond = scaled(part, exclusive, fractionDigits, upper, true);
    if (within == null || beyond == null) {
      return within == null ? beyond : within;
    }
    return upper ? within.min(beyond) : within.max(beyond);
  }

  private static @Nullable BigInteger scaled(
      SchemaPart part, String keyword, int fractionDigits, boolean upper, boolean exclusive) {
    JsonNode node = part.get(keyword);
    if (node == null) {
      return null;
    }
    if (!node.isNumber()) {
      throw part.error(keyword, "must be a number");
    }
    BigDecimal bound = node.decimalValue();
    if ((long) bound.precision() - bound.scale() > MAX_DIGITS || bound.scale() > MAX_DIGITS) {
      throw part.error(
          keyword, "must have at most " + MAX_DIGITS + " digits before and behind the point");
    }
    BigDecimal exact = bound.scaleByPowerOfTen(fractionDigits);
    BigInteger whole =
        exact.setScale(0, upper ? RoundingMode.FLOOR : RoundingMode.CEILING).toBigInteger();
    boolean hit = exclusive && exact.compareTo(new BigDecimal(whole)) == 0;
    BigInteger step = upper ? BigInteger.ONE.negate() : BigInteger.ONE;
    return hit ? whole.add(step) : whole;
  }
}
