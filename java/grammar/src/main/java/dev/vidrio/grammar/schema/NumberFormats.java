package dev.vidrio.grammar.schema;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Map;

/** OpenAPI's number formats, which are integer ranges. */
final class NumberFormats {

  private record Bits(int count, boolean signed) {}

  private static final Map<String, Bits> BITS =
      Map.of(
          "int8", new Bits(8, true),
          "uint8", new Bits(8, false),
          "int16", new Bits(16, true),
          "uint16", new Bits(16, false),
          "int32", new Bits(32, true),
          "uint32", new Bits(32, false),
          "int64", new Bits(64, true),
          "uint64", new Bits(64, false));

  private NumberFormats() {}

  /** Adds the bounds of a number format. */
  static void add(Subschema part, Conjunction all) {
    Bits bits = BITS.get(part.text("format"));
    if (bits != null && part.types().stream().anyMatch(type -> type.matches("integer|number"))) {
      BigInteger values = BigInteger.TWO.pow(bits.count - (bits.signed ? 1 : 0));
      BigInteger lower = bits.signed ? values.negate() : BigInteger.ZERO;
      all.bounds.add(new Conjunction.Bound(new BigDecimal(lower), false, false));
      all.bounds.add(new Conjunction.Bound(new BigDecimal(values), true, true));
    }
  }
}
