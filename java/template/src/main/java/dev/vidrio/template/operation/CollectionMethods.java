package dev.vidrio.template.operation;

import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The non-mutating methods of Python's lists, tuples, ranges and dicts. */
public final class CollectionMethods {

  static final Library<Value.Mapping> DICT = new Library<>("dict method");

  private static final Library<Value.Sequence> LIST = new Library<>("list method");
  private static final Library<Value.Sequence> TUPLE = new Library<>("list method");
  private static final Library<Value.Sequence> OTHER = new Library<>("list method");

  static {
    DICT.add("copy", (m, dict, a) -> dict);
    DICT.add("get", CollectionMethods::get, "key", "default");
    DICT.add("items", (m, dict, a) -> items(m, dict));
    DICT.add("keys", (m, d, a) -> view(m, Value.Shape.DICT_KEYS, d.entries().keySet()));
    DICT.add("values", (m, d, a) -> view(m, Value.Shape.DICT_VALUES, d.entries().values()));
    LIST.add("copy", (m, list, a) -> list);
    for (Library<Value.Sequence> library : List.of(LIST, TUPLE)) {
      library.add("count", CollectionMethods::count, "value");
      library.add("index", CollectionMethods::index, "value");
    }
  }

  private CollectionMethods() {}

  /** Returns the methods of a sequence. */
  static Library<Value.Sequence> of(Value.Shape shape) {
    return switch (shape) {
      case LIST -> LIST;
      case TUPLE, RANGE -> TUPLE;
      default -> OTHER;
    };
  }

  private static Value get(Meter meter, Value.Mapping self, Arguments arguments) {
    Value value = self.find(arguments.required("key"));
    return value == null ? arguments.or("default", Value.NONE) : value;
  }

  private static Value view(Meter meter, Value.Shape shape, Collection<Value> items) {
    meter.elements(items.size());
    return Value.sequence(shape, new ArrayList<>(items));
  }

  /** Returns the key-value pairs of a dict. */
  public static Value items(Meter meter, Value.Mapping mapping) {
    meter.values(mapping.entries().size());
    List<Value> items = new ArrayList<>(mapping.entries().size());
    mapping.entries().forEach((key, value) -> items.add(Value.tuple(List.of(key, value))));
    return view(meter, Value.Shape.DICT_ITEMS, items);
  }

  private static Value count(Meter meter, Value.Sequence self, Arguments arguments) {
    Value sought = arguments.required("value");
    return Value.of(
        self.items().stream().filter(item -> Comparison.equal(meter, item, sought)).count());
  }

  private static Value index(Meter meter, Value.Sequence self, Arguments arguments) {
    Value sought = arguments.required("value");
    for (int i = 0; i < self.items().size(); i++) {
      if (Comparison.equal(meter, self.items().get(i), sought)) {
        return Value.of(i);
      }
    }
    throw Fault.failed(arguments.callee() + ": value not found");
  }

  /** Implements the function {@code dict}: a dict, pairs or nothing, and named arguments. */
  public static Value.Mapping makeDict(Meter meter, Arguments arguments) {
    Map<Value, Value> entries = new LinkedHashMap<>();
    if (arguments.positional().size() > 1) {
      throw Fault.failed("dict() takes at most one positional argument");
    }
    for (Value from : arguments.positional()) {
      if (from instanceof Value.Mapping(var others, int depth)) {
        meter.values(others.size());
        entries.putAll(others);
        continue;
      }
      for (Value pair : Iteration.items(meter, from)) {
        List<Value> parts = Iteration.items(meter, pair);
        if (parts.size() != 2) {
          throw Fault.failed("dict() requires pairs of a key and a value");
        }
        meter.step();
        entries.put(Value.key(parts.get(0)), parts.get(1));
      }
    }
    arguments.named().forEach((name, value) -> entries.put(Value.of(name), value));
    return Value.map(entries);
  }
}
