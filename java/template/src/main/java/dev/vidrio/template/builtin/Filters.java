package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.Attributes;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;
import java.util.HashMap;
import java.util.Map;

/** The filters of Jinja, which follow {@code |}. */
public final class Filters {

  static final Map<String, Filter> ALL = new HashMap<>();

  static {
    TextFilters.addTo(ALL);
    NumberFilters.addTo(ALL);
    SequenceFilters.addTo(ALL);
    SelectFilters.addTo(ALL);
    ALL.put("attr", Filters::attribute);
    ALL.put("default", Filters::orDefault);
    ALL.put("d", Filters::orDefault);
    ALL.put("tojson", JsonPrinter::filter);
  }

  private Filters() {}

  /** Applies a filter by name. */
  public static Value apply(Meter meter, String name, Value input, Arguments arguments) {
    Filter filter = ALL.get(name);
    if (filter == null) {
      throw Fault.unsupported("filter '" + name + "'");
    }
    return filter.apply(meter, input, arguments);
  }

  /** A filter: a function of a value and the arguments after its name. */
  interface Filter {
    Value apply(Meter meter, Value input, Arguments arguments);
  }

  private static Value attribute(Meter meter, Value input, Arguments arguments) {
    return Attributes.own(input, arguments.bind("filter 'attr'", "name").requiredText(0));
  }

  private static Value orDefault(Meter meter, Value input, Arguments arguments) {
    var bound = arguments.bind("filter 'default'", "default_value", "boolean");
    boolean missing =
        input instanceof Value.Undefined || (bound.truth(1, false) && !Value.truth(input));
    return missing ? bound.or(0, Value.EMPTY) : input;
  }
}
