package dev.vidrio.grammar.schema;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** OpenAPI's number formats, which are integer ranges. */
final class NumberFormats {

  private static final Pattern FORMAT = Pattern.compile("(u?)int(8|16|32|64)");

  private NumberFormats() {}

  /** Adds the bounds of a number format. */
  static void add(Subschema part, Conjunction all) {
    Matcher format = FORMAT.matcher(part.text("format"));
    if (format.matches()
        && part.types().stream().anyMatch(type -> type.matches("integer|number"))) {
      boolean signed = format.group(1).isEmpty();
      BigInteger values = BigInteger.TWO.pow(Integer.parseInt(format.group(2)) - (signed ? 1 : 0));
      BigInteger lower = signed ? values.negate() : BigInteger.ZERO;
      all.bounds.add(new Conjunction.Bound(new BigDecimal(lower), false, false));
      all.bounds.add(new Conjunction.Bound(new BigDecimal(values), true, true));
    }
  }
}
