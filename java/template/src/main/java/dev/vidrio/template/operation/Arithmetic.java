package dev.vidrio.template.operation;

import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The operators {@code + - * / // % **} on values of all types. */
public final class Arithmetic {

  private Arithmetic() {}

  /** Computes a binary operation. */
  public static Value compute(Meter meter, Operator operator, Value left, Value right) {
    if (left instanceof Value.Numeric a && right instanceof Value.Numeric b) {
      return NumberArithmetic.compute(operator, a, b);
    }
    if (operator == Operator.MODULO && left instanceof Value.Text text) {
      return PercentFormat.format(meter, text, right);
    }
    return switch (operator) {
      case ADD -> add(meter, left, right);
      case MULTIPLY ->
          left instanceof Value.Integral ? repeat(meter, right, left) : repeat(meter, left, right);
      default -> throw mismatch(operator, left, right);
    };
  }

  private static Fault mismatch(Operator operator, Value left, Value right) {
    return Fault.ofTypes("'" + operator.symbol() + "' is not supported for types", left, right);
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
        && a.shape().isListOrTuple()) {
      meter.elements((long) a.items().size() + b.items().size());
      List<Value> items = new ArrayList<>(a.items());
      items.addAll(b.items());
      return Value.sequence(a.shape(), items);
    }
    throw mismatch(Operator.ADD, left, right);
  }

  private static Value repeat(Meter meter, Value value, Value times) {
    if (!(times instanceof Value.Integral integer)) {
      throw mismatch(Operator.MULTIPLY, value, times);
    }
    int count = Math.clamp(integer.clamped(), 0, Integer.MAX_VALUE);
    return switch (value) {
      case Value.Text(String text, boolean markup) -> {
        meter.text((long) text.length() * count);
        yield new Value.Text(text.repeat(count), markup);
      }
      case Value.Sequence(Value.Shape shape, List<Value> items, int depth)
          when shape.isListOrTuple() -> {
        meter.elements((long) items.size() * count);
        int copies = items.isEmpty() ? 0 : count;
        yield Value.sequence(
            shape, Collections.nCopies(copies, items).stream().flatMap(List::stream).toList());
      }
      default -> throw mismatch(Operator.MULTIPLY, value, times);
    };
  }
}
