package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.Attributes;
import dev.vidrio.template.operation.Library;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;

/** The filters of Jinja, which follow {@code |}. */
public final class Filters {

  /** All filters by name. */
  public static final Library<Value> ALL = new Library<>("filter");

  static {
    TextFilters.addTo(ALL);
    NumberFilters.addTo(ALL);
    SequenceFilters.addTo(ALL);
    SelectFilters.addTo(ALL);
    ALL.add("attr", (m, v, a) -> Attributes.own(v, a.text("name")), "name");
    ALL.add("default", Filters::orDefault, "default_value", "boolean");
    ALL.add("d", Filters::orDefault, "default_value", "boolean");
    ALL.add("tojson", JsonPrinter::filter, "ensure_ascii", "indent", "separators", "sort_keys");
  }

  private Filters() {}

  private static Value orDefault(Meter meter, Value input, Arguments arguments) {
    boolean missing =
        input instanceof Value.Undefined || (arguments.isTrue("boolean") && !Value.truth(input));
    return missing ? arguments.or("default_value", Value.EMPTY) : input;
  }
}
