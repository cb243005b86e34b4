package dev.vidrio.template.operation;

import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Numbers;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.math.BigDecimal;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Python's comparisons: {@code ==}, {@code <} and {@code in}. */
public final class Comparison {

  private Comparison() {}

  /** Applies a comparison operator. */
  public static boolean compare(Meter meter, Operator operator, Value left, Value right) {
    return switch (operator) {
      case EQUAL -> equal(meter, left, right);
      case NOT_EQUAL -> !equal(meter, left, right);
      case IN -> contains(meter, right, left);
      case NOT_IN -> !contains(meter, right, left);
      default -> {
        int order = order(meter, left, right);
        // All comparisons with NaN are false.
        yield !isNaN(left) && !isNaN(right) && holds(operator, order);
      }
    };
  }

  private static boolean holds(Operator operator, int order) {
    return switch (operator) {
      case LESS -> order < 0;
      case LESS_OR_EQUAL -> order <= 0;
      case GREATER -> order > 0;
      case GREATER_OR_EQUAL -> order >= 0;
      default -> throw new IllegalArgumentException(operator.symbol());
    };
  }

  /** Returns whether two values are equal in Python. */
  public static boolean equal(Meter meter, Value left, Value right) {
    meter.step();
    return switch (left) {
      case Value.Undefined u -> right instanceof Value.Undefined;
      case Value.Text t -> {
        meter.characters(t.value().length());
        yield t.equals(right);
      }
      case Value.Sequence a ->
          right instanceof Value.Sequence b
              && a.shape() == b.shape()
              && a.items().size() == b.items().size()
              && equalItems(meter, a.items(), b.items());
      case Value.Mapping a ->
          right instanceof Value.Mapping b
              && a.entries().size() == b.entries().size()
              && equalEntries(meter, a.entries(), b.entries());
      case Value.Numeric n -> {
        if (right instanceof Value.Numeric other) {
          chargeMixed(meter, n, other);
        }
        yield n.equals(right);
      }
      case Library.Function<?> f ->
          right instanceof Library.Function<?> other
              && f.name().equals(other.name())
              && ((f.self() instanceof Value a && other.self() instanceof Value b)
                  ? equal(meter, a, b)
                  : f.self().equals(other.self()));
      default -> left.equals(right);
    };
  }

  /** Charges a comparison of an integer with a float, which compares decimals. */
  private static void chargeMixed(Meter meter, Value.Numeric left, Value.Numeric right) {
    if (left instanceof Value.Real != right instanceof Value.Real) {
      meter.number(left instanceof Value.Real ? left : right);
    }
  }

  private static boolean equalItems(Meter meter, List<Value> a, List<Value> b) {
    Iterator<Value> other = b.iterator();
    for (Value item : a) {
      if (!equal(meter, item, other.next())) {
        return false;
      }
    }
    return true;
  }

  private static boolean equalEntries(Meter meter, Map<Value, Value> a, Map<Value, Value> b) {
    for (Map.Entry<Value, Value> entry : a.entrySet()) {
      Value other = b.get(entry.getKey());
      if (other == null || !equal(meter, entry.getValue(), other)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Orders two comparable values, as {@link Comparator#compare} does. NaN is ordered last, so that
   * sorting terminates.
   */
  public static int order(Meter meter, Value left, Value right) {
    meter.step();
    if (left instanceof Value.Numeric a && right instanceof Value.Numeric b) {
      chargeMixed(meter, a, b);
      return orderNumbers(a, b);
    }
    if (left instanceof Value.Text a && right instanceof Value.Text b) {
      meter.characters(Math.min(a.value().length(), b.value().length()));
      return orderText(a.value(), b.value());
    }
    if (left instanceof Value.Sequence a
        && right instanceof Value.Sequence b
        && a.shape() == b.shape()
        && a.shape().isListOrTuple()) {
      return orderItems(meter, a.items(), b.items());
    }
    throw Fault.ofTypes("cannot order values of types", left, right);
  }

  private static int orderItems(Meter meter, List<Value> a, List<Value> b) {
    for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
      if (!equal(meter, a.get(i), b.get(i))) {
        return order(meter, a.get(i), b.get(i));
      }
    }
    return Integer.compare(a.size(), b.size());
  }

  /** Orders by code points; Java's order differs beyond the Basic Multilingual Plane. */
  private static int orderText(String a, String b) {
    int length = Math.min(a.length(), b.length());
    for (int i = 0; i < length; i++) {
      char x = a.charAt(i);
      char y = b.charAt(i);
      if (x != y) {
        boolean surrogates = Character.isSurrogate(x) != Character.isSurrogate(y);
        return surrogates ? (Character.isSurrogate(x) ? 1 : -1) : Character.compare(x, y);
      }
    }
    return Integer.compare(a.length(), b.length());
  }

  private static boolean isNaN(Value value) {
    return value instanceof Value.Real(double real) && Double.isNaN(real);
  }

  /** Returns whether a container contains an item. */
  public static boolean contains(Meter meter, Value container, Value item) {
    return switch (container) {
      case Value.Text t -> {
        if (!(item instanceof Value.Text(String part, boolean markup))) {
          throw Fault.mismatch("'in' requires a string on the left of a string", item);
        }
        meter.characters(t.value().length() + part.length());
        yield part.isEmpty() || Strings.occurrences(t.value(), part).length > 0;
      }
      case Value.Mapping m -> m.find(item) != null;
      case Value.Sequence s -> contains(meter, s.items().iterator(), item);
      case Value.Cursor c -> contains(meter, c.items(), item);
      case Value.Undefined u -> false;
      default ->
          throw Fault.failed("'in' is not supported for type '" + Value.type(container) + "'");
    };
  }

  private static boolean contains(Meter meter, Iterator<Value> items, Value item) {
    while (items.hasNext()) {
      if (equal(meter, items.next(), item)) {
        return true;
      }
    }
    return false;
  }

  private static int orderNumbers(Value.Numeric left, Value.Numeric right) {
    if (left instanceof Value.Integral a && right instanceof Value.Integral b) {
      return a.integer().compareTo(b.integer());
    }
    boolean mixed = left instanceof Value.Integral || right instanceof Value.Integral;
    BigDecimal a = mixed ? Numbers.decimal(left) : null;
    BigDecimal b = Numbers.decimal(right);
    return a != null && b != null
        ? a.compareTo(b)
        : Double.compare(left.real() + 0.0, right.real() + 0.0);
  }
}
