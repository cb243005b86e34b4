package dev.vidrio.model.template;

import java.util.ArrayList;
import java.util.List;

/** The operators {@code + - * / // % **} on values of any type. */
final class Arithmetic {

  private Arithmetic() {}

  static Value compute(Evaluator evaluator, String operator, Value left, Value right) {
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return Numbers.compute(operator, left, right);
    }
    if (operator.equals("%") && left instanceof Value.Text text) {
      return PercentFormat.format(evaluator, text, right);
    }
    for (Value value : List.of(left, right)) {
      if (value instanceof Value.Undefined(String reason)) {
        throw Fault.failed(reason);
      }
    }
    return switch (operator) {
      case "+" -> add(evaluator, left, right);
      case "*" ->
          Numbers.isInteger(left) ? repeat(evaluator, right, left) : repeat(evaluator, left, right);
      default -> throw mismatch(operator, left, right);
    };
  }

  private static Fault mismatch(String operator, Value left, Value right) {
    return Fault.failed(
        "'"
            + operator
            + "' does not take values of types '"
            + Value.type(left)
            + "' and '"
            + Value.type(right)
            + "'");
  }

  private static Value add(Evaluator evaluator, Value left, Value right) {
    if (left instanceof Value.Text a && right instanceof Value.Text b) {
      boolean markup = a.markup() || b.markup();
      String first = StringMethods.escapedFor(markup, a);
      String second = StringMethods.escapedFor(markup, b);
      evaluator.meter().text((long) first.length() + second.length());
      return new Value.Text(first.concat(second), markup);
    }
    if (left instanceof Value.Sequence a
        && right instanceof Value.Sequence b
        && a.shape() == b.shape()
        && (a.shape() == Value.Shape.LIST || a.shape() == Value.Shape.TUPLE)) {
      evaluator.meter().elements((long) a.items().size() + b.items().size());
      List<Value> items = new ArrayList<>(a.items());
      items.addAll(b.items());
      return Value.sequence(a.shape(), items);
    }
    throw mismatch("+", left, right);
  }

  private static Value repeat(Evaluator evaluator, Value value, Value times) {
    if (!Numbers.isInteger(times)) {
      throw mismatch("*", value, times);
    }
    int count = Math.clamp(Numbers.toLong(Numbers.integer(times)), 0, Integer.MAX_VALUE);
    return switch (value) {
      case Value.Text(String text, boolean markup) -> {
        evaluator.meter().text((long) text.length() * count);
        yield new Value.Text(text.repeat(count), markup);
      }
      case Value.Sequence(Value.Shape shape, List<Value> items, int depth)
          when shape == Value.Shape.LIST || shape == Value.Shape.TUPLE -> {
        evaluator.meter().elements((long) items.size() * count);
        List<Value> repeated = new ArrayList<>();
        for (int i = 0; i < (items.isEmpty() ? 0 : count); i++) {
          repeated.addAll(items);
        }
        yield Value.sequence(shape, repeated);
      }
      default -> throw mismatch("*", value, times);
    };
  }
}
