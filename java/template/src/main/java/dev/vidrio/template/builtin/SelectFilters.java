package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.Iteration;
import dev.vidrio.template.operation.Library;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The filters that apply a filter or a test to every item. */
final class SelectFilters {

  private SelectFilters() {}

  static void addTo(Library<Value> filters) {
    filters.add("map", SelectFilters::map, Library.ANY);
    filters.add("select", (m, v, a) -> select(m, v, a, false, true), Library.ANY);
    filters.add("reject", (m, v, a) -> select(m, v, a, false, false), Library.ANY);
    filters.add("selectattr", (m, v, a) -> select(m, v, a, true, true), Library.ANY);
    filters.add("rejectattr", (m, v, a) -> select(m, v, a, true, false), Library.ANY);
  }

  private static Value mapped(
      Meter meter, Value value, Function<Value, ? extends @Nullable Value> function) {
    if (!Value.truth(value)) {
      return Value.cursor(Collections.emptyIterator(), value);
    }
    return Value.cursor(
        Iteration.map(
            Iteration.iterate(meter, value),
            item -> {
              meter.step();
              return function.apply(item);
            }),
        value);
  }

  private static Value map(Meter meter, Value value, Arguments arguments) {
    if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
      Arguments bound = arguments.bind(arguments.callee(), List.of("attribute", "default"));
      return mapped(
          meter,
          value,
          SequenceFilters.getter(
              meter, bound.required("attribute"), bound.or("default", Value.NONE)));
    }
    return mapped(meter, value, applied(meter, Filters.ALL, arguments, 0));
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
    UnaryOperator<Value> test =
        positional.size() > testIndex
            ? applied(meter, Tests.ALL, arguments, testIndex)
            : UnaryOperator.identity();
    return mapped(
        meter, value, item -> Value.truth(test.apply(getter.apply(item))) == wanted ? item : null);
  }

  /** Returns the filter or test that an argument names, with the arguments after it. */
  private static UnaryOperator<Value> applied(
      Meter meter, Library<Value> library, Arguments arguments, int index) {
    List<Value> positional = arguments.positional();
    if (positional.size() <= index
        || !(positional.get(index) instanceof Value.Text(String name, boolean markup))) {
      throw Fault.failed(arguments.callee() + " requires the name of a " + library.kind());
    }
    Arguments rest =
        new Arguments(positional.subList(index + 1, positional.size()), arguments.named());
    return item -> library.call(meter, name, item, rest);
  }
}
