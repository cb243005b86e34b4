package dev.vidrio.grammar.schema;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Map;

/** The formats of numbers that OpenAPI knows: of integers of so many bits. */
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

  /** Adds the bounds of a format, if it is one of numbers. */
  static void add(SchemaPart part, Conjunction all) {
    Bits bits = BITS.get(part.text("format"));
    if (bits != null && part.types().stream().anyMatch(type -> type.matches("integer|number"))) {
      BigInteger values = BigInteger.TWO.pow(bits.count - (bits.signed ? 1 : 0));
      BigInteger least = bits.signed ? values.negate() : BigInteger.ZERO;
      all.bounds.add(new Conjunction.Bound(new BigDecimal(least), false, false));
      all.bounds.add(new Conjunction.Bound(new BigDecimal(values), true, true));
    }
  }
}
