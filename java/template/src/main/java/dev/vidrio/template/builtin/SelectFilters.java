package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.Iteration;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** The filters that apply a filter or a test to every item. */
final class SelectFilters {

  private SelectFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("map", SelectFilters::map);
    filters.put("select", (m, v, a) -> select(m, v, a, false, true));
    filters.put("reject", (m, v, a) -> select(m, v, a, false, false));
    filters.put("selectattr", (m, v, a) -> select(m, v, a, true, true));
    filters.put("rejectattr", (m, v, a) -> select(m, v, a, true, false));
  }

  private static Iterator<Value> itemsOf(Meter meter, Value value) {
    return Value.truth(value) ? Iteration.iterate(meter, value) : Collections.emptyIterator();
  }

  private static Value map(Meter meter, Value value, Arguments arguments) {
    Iterator<Value> items = itemsOf(meter, value);
    if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
      var bound = arguments.bind("filter 'map'", "attribute", "default");
      UnaryOperator<Value> getter =
          SequenceFilters.getter(meter, bound.required(0), bound.or(1, Value.NONE));
      return Value.cursor(Iteration.map(items, getter), value);
    }
    String name = name(arguments, 0, "filter 'map' requires the name of a filter");
    Arguments rest = rest(arguments, 1);
    UnaryOperator<Value> mapping =
        item -> {
          meter.step();
          return Filters.apply(meter, name, item, rest);
        };
    return Value.cursor(Iteration.map(items, mapping), value);
  }

  /**
   * Keeps the items for which a test has the wanted result.
   *
   * @param byAttribute whether the first argument names an attribute to test instead of the item
   */
  private static Value select(
      Meter meter, Value value, Arguments arguments, boolean byAttribute, boolean wanted) {
    List<Value> positional = arguments.positional();
    int testIndex = byAttribute ? 1 : 0;
    if (byAttribute && positional.isEmpty()) {
      throw Fault.failed("the filter requires the name of an attribute");
    }
    UnaryOperator<Value> getter =
        byAttribute
            ? SequenceFilters.getter(meter, positional.getFirst(), Value.NONE)
            : UnaryOperator.identity();
    Predicate<Value> test = Value::truth;
    if (positional.size() > testIndex) {
      String name = name(arguments, testIndex, "the filter requires the name of a test");
      Arguments rest = rest(arguments, testIndex + 1);
      test = item -> Tests.apply(meter, name, item, rest);
    }
    Predicate<Value> chosen = test;
    Predicate<Value> keeps =
        item -> {
          meter.step();
          return chosen.test(getter.apply(item)) == wanted;
        };
    return Value.cursor(Iteration.filter(itemsOf(meter, value), keeps), value);
  }

  private static String name(Arguments arguments, int index, String error) {
    if (arguments.positional().size() > index
        && arguments.positional().get(index) instanceof Value.Text(String name, boolean markup)) {
      return name;
    }
    throw Fault.failed(error);
  }

  private static Arguments rest(Arguments arguments, int from) {
    List<Value> positional = arguments.positional();
    return new Arguments(positional.subList(from, positional.size()), arguments.named());
  }
}
