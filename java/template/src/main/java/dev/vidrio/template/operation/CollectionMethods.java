package dev.vidrio.template.operation;

import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The non-mutating methods of Python's lists, tuples, ranges and dicts. */
public final class CollectionMethods {

  private static final Set<String> DICT = Set.of("copy", "get", "items", "keys", "values");

  private CollectionMethods() {}

  static boolean hasForDict(String name) {
    return DICT.contains(name);
  }

  static boolean hasFor(Value.Shape shape, String name) {
    return shape.isIndexable()
        && (name.equals("index")
            || name.equals("count")
            || (name.equals("copy") && shape == Value.Shape.LIST));
  }

  static Value call(Meter meter, Value self, String name, Arguments arguments) {
    return switch (self) {
      case Value.Mapping m -> dict(meter, m, name, arguments);
      case Value.Sequence s -> sequence(meter, s, name, arguments);
      default ->
          throw Fault.failed(
              "a value of type '" + Value.type(self) + "' has no method '" + name + "'");
    };
  }

  private static Value dict(Meter meter, Value.Mapping self, String name, Arguments arguments) {
    String callee = "dict method '" + name + "'";
    if (name.equals("get")) {
      var bound = arguments.bind(callee, "key", "default");
      Value value = Value.find(self, bound.required(0));
      return value == null ? bound.or(1, Value.NONE) : value;
    }
    arguments.bind(callee);
    meter.elements(self.entries().size());
    return switch (name) {
      case "items" -> items(meter, self);
      case "keys" -> Value.sequence(Value.Shape.KEYS, new ArrayList<>(self.entries().keySet()));
      case "values" -> Value.sequence(Value.Shape.VALUES, new ArrayList<>(self.entries().values()));
      default -> self;
    };
  }

  /** Returns the key-value pairs of a dict. */
  public static Value items(Meter meter, Value.Mapping mapping) {
    meter.values(mapping.entries().size());
    List<Value> items = new ArrayList<>(mapping.entries().size());
    for (Map.Entry<Value, Value> entry : mapping.entries().entrySet()) {
      items.add(Value.tuple(List.of(entry.getKey(), entry.getValue())));
    }
    return Value.sequence(Value.Shape.ITEMS, items);
  }

  private static Value sequence(
      Meter meter, Value.Sequence self, String name, Arguments arguments) {
    String callee = "list method '" + name + "'";
    if (name.equals("copy")) {
      arguments.bind(callee);
      return self;
    }
    Value sought = arguments.bind(callee, "value").required(0);
    long count = 0;
    for (int i = 0; i < self.items().size(); i++) {
      if (Comparison.equal(meter, self.items().get(i), sought)) {
        if (name.equals("index")) {
          return Value.of(i);
        }
        count++;
      }
    }
    if (name.equals("index")) {
      throw Fault.failed(callee + ": value not found");
    }
    return Value.of(count);
  }

  /** Implements the function {@code dict}: a dict, pairs or nothing, and named arguments. */
  public static Value makeDict(Meter meter, Arguments arguments) {
    LinkedHashMap<Value, Value> entries = new LinkedHashMap<>();
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
