package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.NumberArithmetic;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Numbers;
import dev.vidrio.template.value.Value;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Map;

/** The filters of numbers. */
final class NumberFilters {

  private NumberFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("abs", NumberFilters::abs);
    filters.put("int", NumberFilters::toInteger);
    filters.put("float", NumberFilters::toReal);
    filters.put("round", NumberFilters::round);
  }

  private static void requireNumber(Value value, String filter) {
    if (value instanceof Value.Undefined(String reason)) {
      throw Fault.failed(reason);
    }
    if (!Numbers.isNumber(value)) {
      throw Fault.failed(
          "filter '"
              + filter
              + "' requires a number, not a value of type '"
              + Value.type(value)
              + "'");
    }
  }

  private static Value abs(Meter meter, Value value, Arguments arguments) {
    arguments.bind("filter 'abs'");
    requireNumber(value, "abs");
    return NumberArithmetic.abs(value);
  }

  private static Value toInteger(Meter meter, Value value, Arguments arguments) {
    var bound = arguments.bind("filter 'int'", "default", "base");
    Value otherwise = bound.or(0, Value.of(0));
    return switch (value) {
      case Value.Undefined(String reason) -> throw Fault.failed(reason);
      case Value.Int i -> i;
      case Value.Bool b -> NumberArithmetic.plus(b);
      case Value.Real(double real) -> truncated(real, otherwise);
      case Value.Text(String text, boolean markup) -> {
        int base = Math.clamp(bound.integer(1, 10), 0, 37);
        BigInteger integer = Numbers.parseInteger(text, base);
        Double real = integer == null ? Numbers.parseReal(text) : null;
        yield integer != null
            ? Numbers.of(integer)
            : real != null ? truncated(real, otherwise) : otherwise;
      }
      default -> otherwise;
    };
  }

  private static Value truncated(double real, Value otherwise) {
    return Double.isFinite(real) ? Numbers.of(new BigDecimal(real).toBigInteger()) : otherwise;
  }

  private static Value toReal(Meter meter, Value value, Arguments arguments) {
    Value otherwise = arguments.bind("filter 'float'", "default").or(0, new Value.Real(0));
    if (value instanceof Value.Undefined(String reason)) {
      throw Fault.failed(reason);
    }
    if (Numbers.isNumber(value)) {
      return new Value.Real(Numbers.real(value));
    }
    Double real =
        value instanceof Value.Text(String text, boolean markup) ? Numbers.parseReal(text) : null;
    return real == null ? otherwise : new Value.Real(real);
  }

  private static Value round(Meter meter, Value value, Arguments arguments) {
    var bound = arguments.bind("filter 'round'", "precision", "method");
    requireNumber(value, "round");
    meter.number(value);
    String method = bound.get(1) == null ? "common" : bound.requiredText(1);
    long precision = bound.integer(0, 0);
    RoundingMode mode =
        switch (method) {
          case "common" -> RoundingMode.HALF_EVEN;
          case "ceil" -> RoundingMode.CEILING;
          case "floor" -> RoundingMode.FLOOR;
          default ->
              throw Fault.failed("filter 'round': method must be 'common', 'ceil' or 'floor'");
        };
    if (mode == RoundingMode.HALF_EVEN) {
      return NumberArithmetic.round(value, precision);
    }
    if (Math.abs(precision) > Numbers.MAX_DIGITS || !Double.isFinite(Numbers.real(value))) {
      throw Fault.failed("filter 'round' cannot round to " + precision + " decimals");
    }
    double scale = Math.pow(10, (double) precision);
    double scaled = Numbers.real(value) * scale;
    return new Value.Real(
        (mode == RoundingMode.CEILING ? Math.ceil(scaled) : Math.floor(scaled)) / scale);
  }
}
