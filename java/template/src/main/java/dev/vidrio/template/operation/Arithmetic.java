package dev.vidrio.template.operation;

import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Numbers;
import dev.vidrio.template.value.Value;
import java.util.ArrayList;
import java.util.List;

/** The operators {@code + - * / // % **} on values of all types. */
public final class Arithmetic {

  private Arithmetic() {}

  /** Computes a binary operation. */
  public static Value compute(Meter meter, ArithmeticOperator operator, Value left, Value right) {
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return NumberArithmetic.compute(operator, left, right);
    }
    if (operator == ArithmeticOperator.MODULO && left instanceof Value.Text text) {
      return PercentFormat.format(meter, text, right);
    }
    for (Value value : List.of(left, right)) {
      if (value instanceof Value.Undefined(String reason)) {
        throw Fault.failed(reason);
      }
    }
    return switch (operator) {
      case ADD -> add(meter, left, right);
      case MULTIPLY ->
          Numbers.isInteger(left) ? repeat(meter, right, left) : repeat(meter, left, right);
      default -> throw mismatch(operator, left, right);
    };
  }

  private static Fault mismatch(ArithmeticOperator operator, Value left, Value right) {
    return Fault.failed(
        "'"
            + operator.symbol()
            + "' is not supported for types '"
            + Value.type(left)
            + "' and '"
            + Value.type(right)
            + "'");
  }

  private static Value add(Meter meter, Value left, Value right) {
    if (left instanceof Value.Text a && right instanceof Value.Text b) {
      boolean markup = a.markup() || b.markup();
      String first = StringMethods.escapedFor(markup, a);
      String second = StringMethods.escapedFor(markup, b);
      meter.text((long) first.length() + second.length());
      return new Value.Text(first.concat(second), markup);
    }
    if (left instanceof Value.Sequence a
        && right instanceof Value.Sequence b
        && a.shape() == b.shape()
        && (a.shape() == Value.Shape.LIST || a.shape() == Value.Shape.TUPLE)) {
      meter.elements((long) a.items().size() + b.items().size());
      List<Value> items = new ArrayList<>(a.items());
      items.addAll(b.items());
      return Value.sequence(a.shape(), items);
    }
    throw mismatch(ArithmeticOperator.ADD, left, right);
  }

  private static Value repeat(Meter meter, Value value, Value times) {
    if (!Numbers.isInteger(times)) {
      throw mismatch(ArithmeticOperator.MULTIPLY, value, times);
    }
    int count = Math.clamp(Numbers.toLong(Numbers.integer(times)), 0, Integer.MAX_VALUE);
    return switch (value) {
      case Value.Text(String text, boolean markup) -> {
        meter.text((long) text.length() * count);
        yield new Value.Text(text.repeat(count), markup);
      }
      case Value.Sequence(Value.Shape shape, List<Value> items, int depth)
          when shape == Value.Shape.LIST || shape == Value.Shape.TUPLE -> {
        meter.elements((long) items.size() * count);
        List<Value> repeated = new ArrayList<>();
        for (int i = 0; i < (items.isEmpty() ? 0 : count); i++) {
          repeated.addAll(items);
        }
        yield Value.sequence(shape, repeated);
      }
      default -> throw mismatch(ArithmeticOperator.MULTIPLY, value, times);
    };
  }
}
