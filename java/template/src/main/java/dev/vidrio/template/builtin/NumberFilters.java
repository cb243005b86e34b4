package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.Library;
import dev.vidrio.template.operation.NumberArithmetic;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Numbers;
import dev.vidrio.template.value.Value;
import java.math.BigDecimal;
import java.math.BigInteger;

/** The filters of numbers. */
final class NumberFilters {

  private NumberFilters() {}

  static void addTo(Library<Value> filters) {
    filters.add("abs", (m, v, a) -> NumberArithmetic.abs(number(v, a)));
    filters.add("int", NumberFilters::toInteger, "default", "base");
    filters.add("float", NumberFilters::toReal, "default");
    filters.add("round", NumberFilters::round, "precision", "method");
  }

  private static Value.Numeric number(Value value, Arguments arguments) {
    if (value instanceof Value.Numeric number) {
      return number;
    }
    throw Fault.mismatch(arguments.callee() + " requires a number", value);
  }

  private static Value toInteger(Meter meter, Value value, Arguments arguments) {
    Value otherwise = arguments.or("default", Value.of(0));
    return switch (value) {
      case Value.Undefined(String reason) -> throw Fault.failed(reason);
      case Value.Integral i -> NumberArithmetic.plus(i);
      case Value.Real(double real) -> truncated(real, otherwise);
      case Value.Text(String text, boolean markup) -> {
        int base = Math.clamp(arguments.integer("base", 10), 0, 37);
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
    Double real =
        switch (value) {
          case Value.Undefined(String reason) -> throw Fault.failed(reason);
          case Value.Numeric number -> Double.valueOf(number.real());
          case Value.Text(String text, boolean markup) -> Numbers.parseReal(text);
          default -> null;
        };
    return real == null ? arguments.or("default", new Value.Real(0)) : new Value.Real(real);
  }

  private static Value round(Meter meter, Value value, Arguments arguments) {
    Value.Numeric number = number(value, arguments);
    meter.number(number);
    String method = arguments.text("method", "common");
    long precision = arguments.integer("precision", 0);
    if (method.equals("common")) {
      return NumberArithmetic.round(number, precision);
    }
    if (!method.equals("ceil") && !method.equals("floor")) {
      throw Fault.failed("filter 'round': method must be 'common', 'ceil' or 'floor'");
    }
    if (Math.abs(precision) > Numbers.MAX_DIGITS || !Double.isFinite(number.real())) {
      throw Fault.failed("filter 'round' cannot round to " + precision + " decimals");
    }
    double scale = Math.pow(10, (double) precision);
    double scaled = number.real() * scale;
    return new Value.Real((method.equals("ceil") ? Math.ceil(scaled) : Math.floor(scaled)) / scale);
  }
}
