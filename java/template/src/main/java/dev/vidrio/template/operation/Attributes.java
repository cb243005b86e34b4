package dev.vidrio.template.operation;

import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Numbers;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The expressions {@code value.name}, {@code value[key]} and {@code value[start:stop:step]}. */
public final class Attributes {

  private static final Set<String> CHANGES_LIST =
      Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");

  private static final Set<String> CHANGES_DICT =
      Set.of("clear", "pop", "popitem", "setdefault", "update");

  private Attributes() {}

  /** Returns an attribute or method, or else the element of that name. */
  public static Value attribute(Value owner, String name) {
    Value own = ownAttribute(owner, name);
    if (own != null) {
      return own;
    }
    Value element = owner instanceof Value.Mapping m ? m.get(name) : null;
    return element == null ? missing(owner, name) : element;
  }

  /** Returns an element, or else the attribute or method of that name. */
  public static Value item(Meter meter, Value owner, Value key) {
    if (owner instanceof Value.Undefined(String reason)) {
      throw Fault.failed(reason);
    }
    Value element = element(meter, owner, key);
    if (element != null) {
      return element;
    }
    Value own =
        key instanceof Value.Text(String name, boolean markup) ? ownAttribute(owner, name) : null;
    return own == null ? missing(owner, Printer.str(meter, key)) : own;
  }

  /** Returns an attribute or method, ignoring elements. */
  public static Value own(Value owner, String name) {
    Value own = ownAttribute(owner, name);
    return own == null ? missing(owner, name) : own;
  }

  private static Value missing(Value owner, String name) {
    return new Value.Undefined(
        "a value of type '" + Value.type(owner) + "' has no attribute or element '" + name + "'");
  }

  private static @Nullable Value ownAttribute(Value owner, String name) {
    return switch (owner) {
      case Value.Undefined(String reason) -> throw Fault.failed(reason);
      case Value.Text t -> StringMethods.has(name) ? new Method(t, name) : null;
      case Value.Mapping m -> {
        if (CHANGES_DICT.contains(name)) {
          yield unchangeable(owner, name);
        }
        yield CollectionMethods.hasForDict(name) ? new Method(m, name) : null;
      }
      case Value.Sequence s -> {
        if (s.shape() == Value.Shape.LIST && CHANGES_LIST.contains(name)) {
          yield unchangeable(owner, name);
        }
        yield CollectionMethods.hasFor(s.shape(), name) ? new Method(s, name) : null;
      }
      case Value.Namespace n -> n.get(name);
      case Value.Callable c -> c.attribute(name);
      default -> null;
    };
  }

  private static Value unchangeable(Value owner, String name) {
    return new Value.Undefined(
        "method '"
            + name
            + "' is not allowed: a "
            + Value.type(owner)
            + " is immutable in templates");
  }

  private static @Nullable Value element(Meter meter, Value owner, Value key) {
    if (owner instanceof Value.Mapping(var entries, int depth)) {
      return Value.isKey(key) ? entries.get(key) : null;
    }
    if (!Numbers.isInteger(key)) {
      return null;
    }
    long index = Numbers.toLong(Numbers.integer(key));
    return switch (owner) {
      case Value.Sequence s when s.shape().isIndexable() -> {
        long i = index < 0 ? index + s.items().size() : index;
        yield i >= 0 && i < s.items().size() ? s.items().get((int) i) : null;
      }
      case Value.Text t -> {
        meter.characters(t.value().length());
        int length = Strings.length(t.value());
        long i = index < 0 ? index + length : index;
        yield i >= 0 && i < length
            ? new Value.Text(codePointAt(t.value(), (int) i), t.markup())
            : null;
      }
      default -> null;
    };
  }

  private static String codePointAt(String s, int index) {
    return Character.toString(s.codePointAt(s.offsetByCodePoints(0, index)));
  }

  /** Returns a slice. Bounds are integers or None. */
  public static Value slice(Meter meter, Value owner, Value start, Value stop, Value step) {
    return switch (owner) {
      case Value.Undefined(String reason) -> throw Fault.failed(reason);
      case Value.Text(String text, boolean markup) -> {
        meter.characters(2L * text.length());
        int[] all = text.codePoints().toArray();
        int[] kept = indices(all.length, start, stop, step);
        StringBuilder out = new StringBuilder();
        for (int i : kept) {
          out.appendCodePoint(all[i]);
        }
        yield new Value.Text(out.toString(), markup);
      }
      case Value.Sequence s when s.shape().isIndexable() -> {
        int[] kept = indices(s.items().size(), start, stop, step);
        meter.elements(kept.length);
        List<Value> items = Arrays.stream(kept).mapToObj(s.items()::get).toList();
        yield Value.sequence(s.shape() == Value.Shape.RANGE ? Value.Shape.LIST : s.shape(), items);
      }
      default -> throw Fault.failed("a value of type '" + Value.type(owner) + "' cannot be sliced");
    };
  }

  /** Returns the indices that a slice selects from a sequence of a length. */
  private static int[] indices(int length, Value start, Value stop, Value step) {
    long by = bound(step, 1);
    if (by == 0) {
      throw Fault.failed("a slice's step cannot be zero");
    }
    by = Math.clamp(by, -length - 1L, length + 1L);
    long low = by > 0 ? 0 : -1;
    long high = by > 0 ? length : length - 1L;
    long from = clamp(bound(start, by > 0 ? 0 : Long.MAX_VALUE), length, low, high, start);
    long to = clamp(bound(stop, by > 0 ? Long.MAX_VALUE : -1), length, low, high, stop);
    long count = Math.max(0, by > 0 ? (to - from + by - 1) / by : (to - from + by + 1) / by);
    int[] indices = new int[(int) count];
    for (int i = 0; i < count; i++) {
      indices[i] = (int) (from + i * by);
    }
    return indices;
  }

  private static long clamp(long index, int length, long low, long high, Value given) {
    boolean fromEnd = index < 0 && !(given instanceof Value.None);
    return Math.clamp(fromEnd ? index + length : index, low, high);
  }

  private static long bound(Value value, long otherwise) {
    if (value instanceof Value.None) {
      return otherwise;
    }
    if (!Numbers.isInteger(value)) {
      throw Fault.failed(
          "a slice requires integers, not a value of type '" + Value.type(value) + "'");
    }
    return Numbers.toLong(Numbers.integer(value));
  }
}
