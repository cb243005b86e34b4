package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.Arithmetic;
import dev.vidrio.template.operation.Attributes;
import dev.vidrio.template.operation.CollectionMethods;
import dev.vidrio.template.operation.Comparison;
import dev.vidrio.template.operation.Iteration;
import dev.vidrio.template.operation.Library;
import dev.vidrio.template.operation.Operator;
import dev.vidrio.template.operation.StringMethods;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** The filters of lists, dicts and other iterables. */
final class SequenceFilters {

  private SequenceFilters() {}

  static void addTo(Library<Value> filters) {
    filters.add("length", (m, v, a) -> length(m, v));
    filters.add("count", (m, v, a) -> length(m, v));
    filters.add("first", (m, v, a) -> first(m, v));
    filters.add("last", (m, v, a) -> last(m, v));
    filters.add("list", (m, v, a) -> Value.list(new ArrayList<>(Iteration.items(m, v))));
    filters.add("join", SequenceFilters::join, "d", "attribute");
    filters.add("reverse", (m, v, a) -> reverse(m, v));
    filters.add("sort", SequenceFilters::sort, "reverse", "case_sensitive", "attribute");
    filters.add("unique", SequenceFilters::unique, "case_sensitive", "attribute");
    filters.add("min", (m, v, a) -> extreme(m, v, a, Operator.LESS), "case_sensitive", "attribute");
    filters.add(
        "max", (m, v, a) -> extreme(m, v, a, Operator.GREATER), "case_sensitive", "attribute");
    filters.add("sum", SequenceFilters::sum, "attribute", "start");
    filters.add("items", SequenceFilters::items);
    filters.add("dictsort", SequenceFilters::dictSort, "case_sensitive", "by", "reverse");
    filters.add("batch", SequenceFilters::batch, "linecount", "fill_with");
    filters.add("slice", SequenceFilters::slice, "slices", "fill_with");
  }

  private static Value length(Meter meter, Value value) {
    int length = Iteration.length(meter, value);
    if (length < 0) {
      throw Fault.of(value, "has no length");
    }
    return Value.of(length);
  }

  private static Value first(Meter meter, Value value) {
    Iterator<Value> items = Iteration.iterate(meter, value);
    return items.hasNext() ? items.next() : new Value.Undefined("there is no first item");
  }

  private static Value last(Meter meter, Value value) {
    if (value instanceof Value.Cursor) {
      throw Fault.of(value, "cannot be read backwards");
    }
    List<Value> items = Iteration.items(meter, value);
    return items.isEmpty() ? new Value.Undefined("there is no last item") : items.getLast();
  }

  private static Value join(Meter meter, Value value, Arguments arguments) {
    UnaryOperator<Value> getter = getter(meter, arguments);
    List<String> parts =
        Iteration.items(meter, value).stream()
            .map(item -> Printer.str(meter, getter.apply(item)))
            .toList();
    String separator = Printer.str(meter, arguments.or("d", Value.EMPTY));
    return Value.of(StringMethods.join(meter, separator, parts));
  }

  private static Value reverse(Meter meter, Value value) {
    if (value instanceof Value.Text(String text, boolean markup)) {
      meter.characters(text.length());
      return new Value.Text(new StringBuilder(text).reverse().toString(), markup);
    }
    List<Value> reversed = new ArrayList<>(Iteration.items(meter, value)).reversed();
    return value instanceof Value.Cursor ? Value.list(reversed) : Value.cursor(reversed);
  }

  /** Returns a function that reads the argument {@code attribute} of an item. */
  private static UnaryOperator<Value> getter(Meter meter, Arguments arguments) {
    return getter(meter, arguments.or("attribute", Value.NONE), Value.NONE);
  }

  /**
   * Returns a function that reads the argument {@code attribute} of an item, and lowercases strings
   * unless {@code case_sensitive} is true.
   */
  private static UnaryOperator<Value> keyGetter(Meter meter, Arguments arguments) {
    UnaryOperator<Value> getter = getter(meter, arguments);
    UnaryOperator<Value> fold = folding(arguments);
    return item -> fold.apply(getter.apply(item));
  }

  /**
   * Returns a function that reads an attribute of an item: a dotted path of keys and indices, or an
   * index; for None, the item itself.
   *
   * @param otherwise the replacement of a missing attribute, or None
   */
  static UnaryOperator<Value> getter(Meter meter, Value attribute, Value otherwise) {
    if (attribute instanceof Value.None) {
      return item -> item;
    }
    List<Value> path =
        attribute instanceof Value.Text(String text, boolean markup)
            ? Stream.of(text.split("\\.", -1)).map(Attributes::key).toList()
            : List.of(attribute);
    return item -> {
      Value value = item;
      for (Value part : path) {
        meter.step();
        value = Attributes.item(meter, value, part);
        if (value instanceof Value.Undefined && !(otherwise instanceof Value.None)) {
          value = otherwise;
        }
      }
      return value;
    };
  }

  /** Returns a function that lowercases strings unless {@code case_sensitive} is true. */
  private static UnaryOperator<Value> folding(Arguments arguments) {
    boolean caseSensitive = arguments.isTrue("case_sensitive");
    return value ->
        !caseSensitive && value instanceof Value.Text(String text, boolean markup)
            ? Value.of(Strings.lower(text))
            : value;
  }

  private static Value sorted(
      Meter meter, List<Value> items, UnaryOperator<Value> key, Arguments arguments) {
    record Keyed(Value key, Value item) {}
    int sign = arguments.isTrue("reverse") ? -1 : 1;
    List<Value> sorted =
        items.stream()
            .map(item -> new Keyed(key.apply(item), item))
            .sorted((a, b) -> sign * Comparison.order(meter, a.key(), b.key()))
            .map(Keyed::item)
            .toList();
    return Value.list(sorted);
  }

  private static Value sort(Meter meter, Value value, Arguments arguments) {
    UnaryOperator<Value> fold = folding(arguments);
    List<UnaryOperator<Value>> getters =
        arguments.or("attribute", Value.NONE) instanceof Value.Text(String text, boolean markup)
            ? Stream.of(text.split(",", -1))
                .map(part -> getter(meter, Value.of(part), Value.NONE))
                .toList()
            : List.of(getter(meter, arguments));
    UnaryOperator<Value> key =
        item -> Value.list(getters.stream().map(g -> fold.apply(g.apply(item))).toList());
    return sorted(meter, Iteration.items(meter, value), key, arguments);
  }

  private static Value unique(Meter meter, Value value, Arguments arguments) {
    UnaryOperator<Value> getter = keyGetter(meter, arguments);
    Value undefined = new Value.Undefined("");
    Set<Value> seen = new HashSet<>();
    List<Value> unique = new ArrayList<>();
    for (Value item : Iteration.items(meter, value)) {
      meter.step();
      Value key = getter.apply(item);
      if (seen.add(key instanceof Value.Undefined ? undefined : Value.key(key))) {
        unique.add(item);
      }
    }
    return Value.cursor(unique);
  }

  private static Value extreme(Meter meter, Value value, Arguments arguments, Operator better) {
    UnaryOperator<Value> getter = keyGetter(meter, arguments);
    Value best = new Value.Undefined("there is no item to choose from");
    Value bestKey = null;
    for (Value item : Iteration.items(meter, value)) {
      Value key = getter.apply(item);
      if (bestKey == null || Comparison.compare(meter, better, key, bestKey)) {
        best = item;
        bestKey = key;
      }
    }
    return best;
  }

  private static Value sum(Meter meter, Value value, Arguments arguments) {
    UnaryOperator<Value> getter = getter(meter, arguments);
    Value sum = arguments.or("start", Value.of(0));
    if (sum instanceof Value.Text) {
      throw Fault.failed("filter 'sum' does not add strings");
    }
    for (Value item : Iteration.items(meter, value)) {
      meter.step();
      sum = Arithmetic.compute(meter, Operator.ADD, sum, getter.apply(item));
    }
    return sum;
  }

  private static List<Value> pairs(Meter meter, Value value, Arguments arguments) {
    if (value instanceof Value.Mapping mapping) {
      return Iteration.items(meter, CollectionMethods.items(meter, mapping));
    }
    throw Fault.mismatch(arguments.callee() + " requires a dict", value);
  }

  private static Value items(Meter meter, Value value, Arguments arguments) {
    return Value.cursor(
        value instanceof Value.Undefined ? List.of() : pairs(meter, value, arguments));
  }

  private static Value dictSort(Meter meter, Value value, Arguments arguments) {
    String by = arguments.text("by", "key");
    if (!by.equals("key") && !by.equals("value")) {
      throw Fault.failed("filter 'dictsort' sorts by 'key' or 'value'");
    }
    UnaryOperator<Value> fold = folding(arguments);
    int part = by.equals("key") ? 0 : 1;
    UnaryOperator<Value> key = pair -> fold.apply(Iteration.items(meter, pair).get(part));
    return sorted(meter, pairs(meter, value, arguments), key, arguments);
  }

  private static Value batch(Meter meter, Value value, Arguments arguments) {
    List<Value> items = Iteration.items(meter, value);
    int size = size(meter, arguments.integer("linecount"));
    List<Value> batches = new ArrayList<>();
    for (int i = 0; i < items.size(); i += size) {
      int end = Math.min(items.size(), i + size);
      batches.add(filled(items.subList(i, end), i + size - end, arguments));
    }
    return Value.cursor(batches);
  }

  private static Value slice(Meter meter, Value value, Arguments arguments) {
    List<Value> items = Iteration.items(meter, value);
    int count = size(meter, arguments.integer("slices"));
    int longer = items.size() % count;
    List<Value> slices = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < count; i++) {
      int end = start + items.size() / count + (i < longer ? 1 : 0);
      slices.add(filled(items.subList(start, end), i < longer ? 0 : 1, arguments));
      start = end;
    }
    return Value.cursor(slices);
  }

  private static int size(Meter meter, long size) {
    if (size < 1) {
      throw Fault.failed("the size must be at least 1");
    }
    meter.values(size);
    return (int) size;
  }

  /** Returns a list of items and a number of copies of {@code fill_with} if it is given. */
  private static Value filled(List<Value> items, int missing, Arguments arguments) {
    List<Value> filled = new ArrayList<>(items);
    if (!arguments.isNone("fill_with")) {
      filled.addAll(Collections.nCopies(missing, arguments.required("fill_with")));
    }
    return Value.list(filled);
  }
}
