package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.Comparison;
import dev.vidrio.template.operation.ComparisonOperator;
import dev.vidrio.template.operation.Iteration;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Numbers;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;

/** The tests of Jinja, which follow {@code is}. */
public final class Tests {

  static final Map<String, Test> ALL = new HashMap<>();

  static {
    simple("defined", v -> !(v instanceof Value.Undefined));
    simple("undefined", v -> v instanceof Value.Undefined);
    simple("none", v -> v instanceof Value.None);
    simple("boolean", v -> v instanceof Value.Bool);
    simple("true", v -> v instanceof Value.Bool(boolean b) && b);
    simple("false", v -> v instanceof Value.Bool(boolean b) && !b);
    simple("integer", v -> v instanceof Value.Int);
    simple("float", v -> v instanceof Value.Real);
    simple("number", Numbers::isNumber);
    simple("string", v -> v instanceof Value.Text);
    simple("mapping", v -> v instanceof Value.Mapping);
    simple("iterable", Iteration::isIterable);
    simple("sequence", Tests::isSequence);
    simple("callable", v -> v instanceof Value.Callable || v instanceof Value.Undefined);
    simple("escaped", v -> v instanceof Value.Text(String s, boolean markup) && markup);
    simple("odd", v -> modulo(v, BigInteger.TWO).signum() != 0);
    simple("even", v -> modulo(v, BigInteger.TWO).signum() == 0);
    ALL.put("lower", (m, v, a) -> Strings.isAllCase(Printer.str(m, v), false));
    ALL.put("upper", (m, v, a) -> Strings.isAllCase(Printer.str(m, v), true));
    ALL.put("divisibleby", Tests::isDivisible);
    ALL.put("filter", (m, v, a) -> Filters.ALL.containsKey(Printer.str(m, v)));
    ALL.put("test", (m, v, a) -> ALL.containsKey(Printer.str(m, v)));
    ALL.put("in", (m, v, a) -> Comparison.contains(m, operand("in", a), v));
    ALL.put("sameas", (m, v, a) -> isSame(m, v, operand("sameas", a)));
    comparison(ComparisonOperator.EQUAL, "eq", "equalto");
    comparison(ComparisonOperator.NOT_EQUAL, "ne");
    comparison(ComparisonOperator.GREATER, "gt", "greaterthan");
    comparison(ComparisonOperator.GREATER_OR_EQUAL, "ge");
    comparison(ComparisonOperator.LESS, "lt", "lessthan");
    comparison(ComparisonOperator.LESS_OR_EQUAL, "le");
  }

  private Tests() {}

  /** Applies a test by name. */
  public static boolean apply(Meter meter, String name, Value input, Arguments arguments) {
    Test test = ALL.get(name);
    if (test == null) {
      throw Fault.unsupported("test '" + name + "'");
    }
    return test.apply(meter, input, arguments);
  }

  /** A test: a predicate on a value and the arguments after its name. */
  interface Test {
    boolean apply(Meter meter, Value input, Arguments arguments);
  }

  private static void simple(String name, Predicate<Value> predicate) {
    ALL.put(
        name,
        (meter, value, arguments) -> {
          arguments.bind("test '" + name + "'");
          return predicate.test(value);
        });
  }

  private static void comparison(ComparisonOperator operator, String... names) {
    Test test =
        (meter, value, arguments) ->
            Comparison.compare(meter, operator, value, operand(operator.symbol(), arguments));
    ALL.put(operator.symbol(), test);
    for (String name : names) {
      ALL.put(name, test);
    }
  }

  private static Value operand(String name, Arguments arguments) {
    return arguments.bind("test '" + name + "'", "other").required(0);
  }

  private static boolean isSequence(Value value) {
    return switch (value) {
      case Value.Sequence s -> s.shape().isIndexable();
      case Value.Mapping m -> true;
      case Value.Text t -> true;
      case Value.Undefined u -> true;
      default -> false;
    };
  }

  private static boolean isDivisible(Meter meter, Value value, Arguments arguments) {
    BigInteger divisor = Numbers.integer(arguments.bind("test 'divisibleby'", "num").required(0));
    if (divisor.signum() == 0) {
      throw Fault.failed("division by zero");
    }
    return modulo(value, divisor).signum() == 0;
  }

  private static BigInteger modulo(Value value, BigInteger divisor) {
    return Numbers.integer(value).remainder(divisor);
  }

  /** Returns whether Python would use one object for both. */
  private static boolean isSame(Meter meter, Value left, Value right) {
    if (left.getClass() != right.getClass()) {
      return false;
    }
    if (left instanceof Value.Sequence || left instanceof Value.Mapping) {
      throw Fault.unsupported("test 'sameas' of two lists or dicts");
    }
    return Comparison.equal(meter, left, right);
  }
}
