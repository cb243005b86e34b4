package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.Comparison;
import dev.vidrio.template.operation.Iteration;
import dev.vidrio.template.operation.Library;
import dev.vidrio.template.operation.Operator;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.math.BigInteger;
import java.util.function.Predicate;

/** The tests of Jinja, which follow {@code is}. */
public final class Tests {

  /** All tests by name; their results are booleans. */
  public static final Library<Value> ALL = new Library<>("test");

  static {
    add("defined", v -> !(v instanceof Value.Undefined));
    add("undefined", v -> v instanceof Value.Undefined);
    add("none", v -> v instanceof Value.None);
    add("boolean", v -> v instanceof Value.Bool);
    add("true", v -> v instanceof Value.Bool(boolean b) && b);
    add("false", v -> v instanceof Value.Bool(boolean b) && !b);
    add("integer", v -> v instanceof Value.Int);
    add("float", v -> v instanceof Value.Real);
    add("number", v -> v instanceof Value.Numeric);
    add("string", v -> v instanceof Value.Text);
    add("mapping", v -> v instanceof Value.Mapping);
    add("iterable", Iteration::isIterable);
    add("sequence", Tests::isSequence);
    add("callable", v -> v instanceof Value.Callable || v instanceof Value.Undefined);
    add("escaped", v -> v instanceof Value.Text(String s, boolean markup) && markup);
    add("odd", v -> !isDivisible(v, BigInteger.TWO));
    add("even", v -> isDivisible(v, BigInteger.TWO));
    addNamed("lower", text -> Strings.isAllCase(text, false));
    addNamed("upper", text -> Strings.isAllCase(text, true));
    addNamed("filter", name -> Filters.ALL.names().contains(name));
    addNamed("test", name -> ALL.names().contains(name));
    ALL.add(
        "divisibleby", (m, v, a) -> Value.of(isDivisible(v, divisor(a.required("num")))), "num");
    ALL.add("sameas", (m, v, a) -> Value.of(isSame(m, v, a.required("other"))), "other");
    addComparison(Operator.EQUAL, "==", "eq", "equalto");
    addComparison(Operator.NOT_EQUAL, "!=", "ne");
    addComparison(Operator.GREATER, ">", "gt", "greaterthan");
    addComparison(Operator.GREATER_OR_EQUAL, ">=", "ge");
    addComparison(Operator.LESS, "<", "lt", "lessthan");
    addComparison(Operator.LESS_OR_EQUAL, "<=", "le");
    addComparison(Operator.IN, "in");
  }

  private Tests() {}

  private static void add(String name, Predicate<Value> test) {
    ALL.add(name, (m, value, a) -> Value.of(test.test(value)));
  }

  private static void addNamed(String name, Predicate<String> test) {
    ALL.add(name, (m, value, a) -> Value.of(test.test(Printer.str(m, value))));
  }

  private static void addComparison(Operator operator, String... names) {
    for (String name : names) {
      ALL.add(
          name,
          (m, value, a) -> Value.of(Comparison.compare(m, operator, value, a.required("other"))),
          "other");
    }
  }

  private static boolean isSequence(Value value) {
    return switch (value) {
      case Value.Sequence s -> s.shape().isIndexable();
      case Value.Cursor c -> false;
      default -> Iteration.isIterable(value);
    };
  }

  private static BigInteger integer(Value value) {
    if (value instanceof Value.Integral integral) {
      return integral.integer();
    }
    throw Fault.of(value, "is not an integer");
  }

  private static BigInteger divisor(Value value) {
    if (integer(value).signum() == 0) {
      throw Fault.failed("division by zero");
    }
    return integer(value);
  }

  private static boolean isDivisible(Value value, BigInteger divisor) {
    return integer(value).remainder(divisor).signum() == 0;
  }

  /** Returns whether Python would use one object for both. */
  private static boolean isSame(Meter meter, Value left, Value right) {
    // Jinja creates an undefined value at each use of the name.
    if (left.getClass() != right.getClass() || left instanceof Value.Undefined) {
      return false;
    }
    if (left instanceof Value.Sequence || left instanceof Value.Mapping) {
      throw Fault.unsupported("test 'sameas' of two lists or dicts");
    }
    return Comparison.equal(meter, left, right);
  }
}
