package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.Arithmetic;
import dev.vidrio.template.operation.ArithmeticOperator;
import dev.vidrio.template.operation.Attributes;
import dev.vidrio.template.operation.CollectionMethods;
import dev.vidrio.template.operation.Comparison;
import dev.vidrio.template.operation.ComparisonOperator;
import dev.vidrio.template.operation.Iteration;
import dev.vidrio.template.operation.StringMethods;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/** The filters of lists, dicts and other iterables. */
final class SequenceFilters {

  private SequenceFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("length", SequenceFilters::length);
    filters.put("count", SequenceFilters::length);
    filters.put("first", SequenceFilters::first);
    filters.put("last", SequenceFilters::last);
    filters.put("list", (m, v, a) -> Value.list(new ArrayList<>(Iteration.items(m, v))));
    filters.put("join", SequenceFilters::join);
    filters.put("reverse", SequenceFilters::reverse);
    filters.put("sort", SequenceFilters::sort);
    filters.put("unique", SequenceFilters::unique);
    filters.put("min", (m, v, a) -> extreme(m, v, a, "min", ComparisonOperator.LESS));
    filters.put("max", (m, v, a) -> extreme(m, v, a, "max", ComparisonOperator.GREATER));
    filters.put("sum", SequenceFilters::sum);
    filters.put("items", SequenceFilters::items);
    filters.put("dictsort", SequenceFilters::dictSort);
    filters.put("batch", SequenceFilters::batch);
    filters.put("slice", SequenceFilters::slice);
  }

  private static Value length(Meter meter, Value value, Arguments arguments) {
    arguments.bind("filter 'length'");
    int length = Iteration.length(meter, value);
    if (length < 0) {
      throw Fault.failed("a value of type '" + Value.type(value) + "' has no length");
    }
    return Value.of(length);
  }

  private static Value first(Meter meter, Value value, Arguments arguments) {
    arguments.bind("filter 'first'");
    Iterator<Value> items = Iteration.iterate(meter, value);
    return items.hasNext() ? items.next() : new Value.Undefined("there is no first item");
  }

  private static Value last(Meter meter, Value value, Arguments arguments) {
    arguments.bind("filter 'last'");
    if (value instanceof Value.Cursor) {
      throw Fault.failed("a value of type 'generator' cannot be read backwards");
    }
    List<Value> items = Iteration.items(meter, value);
    return items.isEmpty() ? new Value.Undefined("there is no last item") : items.getLast();
  }

  private static Value join(Meter meter, Value value, Arguments arguments) {
    var bound = arguments.bind("filter 'join'", "d", "attribute");
    UnaryOperator<Value> getter = getter(meter, bound.or(1, Value.NONE), Value.NONE);
    List<String> parts = new ArrayList<>();
    for (Value item : Iteration.items(meter, value)) {
      parts.add(Printer.str(meter, getter.apply(item)));
    }
    String separator = Printer.str(meter, bound.or(0, Value.EMPTY));
    return Value.of(StringMethods.join(meter, separator, parts));
  }

  private static Value reverse(Meter meter, Value value, Arguments arguments) {
    arguments.bind("filter 'reverse'");
    if (value instanceof Value.Text(String text, boolean markup)) {
      meter.characters(text.length());
      return new Value.Text(Strings.reverse(text), markup);
    }
    List<Value> reversed = new ArrayList<>(Iteration.items(meter, value)).reversed();
    return value instanceof Value.Cursor ? Value.list(reversed) : Value.cursor(reversed);
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
            ? Strings.cut(text, Strings.disjoint(text, ".", Long.MAX_VALUE), 1).stream()
                .map(SequenceFilters::pathPart)
                .toList()
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

  private static Value pathPart(String part) {
    boolean index =
        !part.isEmpty() && part.length() < 10 && part.chars().allMatch(Character::isDigit);
    return index ? Value.of(Integer.parseInt(part)) : Value.of(part);
  }

  /** Returns a function that lowercases strings, for comparison without case. */
  private static UnaryOperator<Value> folding(boolean caseSensitive) {
    return value ->
        !caseSensitive && value instanceof Value.Text(String text, boolean markup)
            ? Value.of(Strings.lower(text))
            : value;
  }

  private static List<Value> sorted(
      Meter meter, List<Value> items, UnaryOperator<Value> key, boolean reverse) {
    record Keyed(Value key, Value item) {}
    List<Keyed> keyed = new ArrayList<>();
    for (Value item : items) {
      keyed.add(new Keyed(key.apply(item), item));
    }
    Comparator<Keyed> order =
        (a, b) -> Comparison.order(meter, a.key(), b.key()) * (reverse ? -1 : 1);
    keyed.sort(order);
    return keyed.stream().map(Keyed::item).toList();
  }

  private static Value sort(Meter meter, Value value, Arguments arguments) {
    var bound = arguments.bind("filter 'sort'", "reverse", "case_sensitive", "attribute");
    UnaryOperator<Value> fold = folding(bound.truth(1, false));
    Value attribute = bound.or(2, Value.NONE);
    List<UnaryOperator<Value>> getters =
        attribute instanceof Value.Text(String text, boolean markup)
            ? Strings.cut(text, Strings.disjoint(text, ",", Long.MAX_VALUE), 1).stream()
                .map(part -> getter(meter, Value.of(part), Value.NONE))
                .toList()
            : List.of(getter(meter, attribute, Value.NONE));
    UnaryOperator<Value> key =
        item -> Value.list(getters.stream().map(g -> fold.apply(g.apply(item))).toList());
    return Value.list(sorted(meter, Iteration.items(meter, value), key, bound.truth(0, false)));
  }

  private static Value unique(Meter meter, Value value, Arguments arguments) {
    var bound = arguments.bind("filter 'unique'", "case_sensitive", "attribute");
    UnaryOperator<Value> fold = folding(bound.truth(0, false));
    UnaryOperator<Value> getter = getter(meter, bound.or(1, Value.NONE), Value.NONE);
    Value undefined = new Value.Undefined("");
    Set<Value> seen = new HashSet<>();
    List<Value> unique = new ArrayList<>();
    for (Value item : Iteration.items(meter, value)) {
      meter.step();
      Value key = fold.apply(getter.apply(item));
      if (seen.add(key instanceof Value.Undefined ? undefined : Value.key(key))) {
        unique.add(item);
      }
    }
    return Value.cursor(unique);
  }

  private static Value extreme(
      Meter meter, Value value, Arguments arguments, String name, ComparisonOperator better) {
    var bound = arguments.bind("filter '" + name + "'", "case_sensitive", "attribute");
    UnaryOperator<Value> fold = folding(bound.truth(0, false));
    UnaryOperator<Value> getter = getter(meter, bound.or(1, Value.NONE), Value.NONE);
    Iterator<Value> items = Iteration.items(meter, value).iterator();
    if (!items.hasNext()) {
      return new Value.Undefined("there is no item to choose from");
    }
    Value best = items.next();
    Value bestKey = fold.apply(getter.apply(best));
    while (items.hasNext()) {
      Value item = items.next();
      Value key = fold.apply(getter.apply(item));
      if (Comparison.compare(meter, better, key, bestKey)) {
        best = item;
        bestKey = key;
      }
    }
    return best;
  }

  private static Value sum(Meter meter, Value value, Arguments arguments) {
    var bound = arguments.bind("filter 'sum'", "attribute", "start");
    UnaryOperator<Value> getter = getter(meter, bound.or(0, Value.NONE), Value.NONE);
    Value sum = bound.or(1, Value.of(0));
    if (sum instanceof Value.Text) {
      throw Fault.failed("filter 'sum' does not add strings");
    }
    for (Value item : Iteration.items(meter, value)) {
      meter.step();
      sum = Arithmetic.compute(meter, ArithmeticOperator.ADD, sum, getter.apply(item));
    }
    return sum;
  }

  private static Value items(Meter meter, Value value, Arguments arguments) {
    arguments.bind("filter 'items'");
    return switch (value) {
      case Value.Undefined u -> Value.cursor(List.of());
      case Value.Mapping m ->
          Value.cursor(Iteration.items(meter, CollectionMethods.items(meter, m)));
      default ->
          throw Fault.failed(
              "filter 'items' requires a dict, not a value of type '" + Value.type(value) + "'");
    };
  }

  private static Value dictSort(Meter meter, Value value, Arguments arguments) {
    var bound = arguments.bind("filter 'dictsort'", "case_sensitive", "by", "reverse");
    String by = bound.get(1) == null ? "key" : bound.requiredText(1);
    if (!by.equals("key") && !by.equals("value")) {
      throw Fault.failed("filter 'dictsort' sorts by 'key' or 'value'");
    }
    if (value instanceof Value.Undefined(String reason)) {
      throw Fault.failed(reason);
    }
    if (!(value instanceof Value.Mapping mapping)) {
      throw Fault.failed(
          "filter 'dictsort' requires a dict, not a value of type '" + Value.type(value) + "'");
    }
    List<Value> pairs = Iteration.items(meter, CollectionMethods.items(meter, mapping));
    UnaryOperator<Value> fold = folding(bound.truth(0, false));
    int part = by.equals("key") ? 0 : 1;
    UnaryOperator<Value> key = pair -> fold.apply(Iteration.items(meter, pair).get(part));
    return Value.list(sorted(meter, pairs, key, bound.truth(2, false)));
  }

  private static Value batch(Meter meter, Value value, Arguments arguments) {
    var bound = arguments.bind("filter 'batch'", "linecount", "fill_with");
    List<Value> items = Iteration.items(meter, value);
    int size = size(meter, bound);
    List<Value> batches = new ArrayList<>();
    for (int i = 0; i < items.size(); i += size) {
      List<Value> batch = new ArrayList<>(items.subList(i, Math.min(items.size(), i + size)));
      if (!(bound.or(1, Value.NONE) instanceof Value.None)) {
        batch.addAll(Collections.nCopies(size - batch.size(), bound.required(1)));
      }
      batches.add(Value.list(batch));
    }
    return Value.cursor(batches);
  }

  private static Value slice(Meter meter, Value value, Arguments arguments) {
    var bound = arguments.bind("filter 'slice'", "slices", "fill_with");
    List<Value> items = Iteration.items(meter, value);
    int count = size(meter, bound);
    int each = items.size() / count;
    int longer = items.size() % count;
    List<Value> slices = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < count; i++) {
      int end = start + each + (i < longer ? 1 : 0);
      List<Value> slice = new ArrayList<>(items.subList(start, end));
      if (i >= longer && !(bound.or(1, Value.NONE) instanceof Value.None)) {
        slice.add(bound.required(1));
      }
      slices.add(Value.list(slice));
      start = end;
    }
    return Value.cursor(slices);
  }

  private static int size(Meter meter, Arguments.Bound bound) {
    bound.required(0);
    long size = bound.integer(0, 1);
    if (size < 1) {
      throw Fault.failed("the size must be at least 1");
    }
    meter.values(size);
    return (int) size;
  }
}
