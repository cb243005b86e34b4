package dev.vidrio.template.operation;

import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
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
    Value found = own == null && owner instanceof Value.Mapping m ? m.get(Value.of(name)) : own;
    return found == null ? missing(owner, name) : found;
  }

  /** Returns an element, or else the attribute or method of that name. */
  public static Value item(Meter meter, Value owner, Value key) {
    Value element = element(meter, owner, key);
    Value found =
        element == null && key instanceof Value.Text(String name, boolean markup)
            ? ownAttribute(owner, name)
            : element;
    return found == null ? missing(owner, Printer.str(meter, key)) : found;
  }

  /** Returns the key that a part of a path names: an index or a string. */
  public static Value key(String part) {
    return part.matches("\\d{1,9}") ? Value.of(Integer.parseInt(part)) : Value.of(part);
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
      case Value.Text t -> StringMethods.ALL.bind(t, name);
      case Value.Mapping m ->
          CHANGES_DICT.contains(name)
              ? unchangeable(owner, name)
              : CollectionMethods.DICT.bind(m, name);
      case Value.Sequence s ->
          s.shape() == Value.Shape.LIST && CHANGES_LIST.contains(name)
              ? unchangeable(owner, name)
              : CollectionMethods.of(s.shape()).bind(s, name);
      case Value.Namespace n -> n.get(name);
      case Value.Callable c -> c.attribute(name);
      default -> null;
    };
  }

  private static Value unchangeable(Value owner, String name) {
    return new Value.Undefined(
        "method '%s' is not allowed: a %s is immutable in templates"
            .formatted(name, Value.type(owner)));
  }

  private static @Nullable Value element(Meter meter, Value owner, Value key) {
    return switch (owner) {
      case Value.Undefined(String reason) -> throw Fault.failed(reason);
      case Value.Mapping m -> m.get(key);
      case Value.Sequence s when s.shape().isIndexable() -> {
        int i = index(key, s.items().size());
        yield i < 0 ? null : s.items().get(i);
      }
      case Value.Text(String text, boolean markup) when key instanceof Value.Integral -> {
        meter.characters(text.length());
        int i = index(key, Strings.length(text));
        yield i < 0 ? null : new Value.Text(codePointAt(text, i), markup);
      }
      default -> null;
    };
  }

  /** Returns the index that a key selects of a sequence of a length, or −1. */
  private static int index(Value key, int length) {
    long index = key instanceof Value.Integral integer ? integer.clamped() : length;
    long i = index < 0 ? index + length : index;
    return i >= 0 && i < length ? (int) i : -1;
  }

  private static String codePointAt(String s, int index) {
    return Character.toString(s.codePointAt(s.offsetByCodePoints(0, index)));
  }

  /** Returns a slice. Bounds are integers or None. */
  public static Value slice(Meter meter, Value owner, Value start, Value stop, Value step) {
    return switch (owner) {
      case Value.Text(String text, boolean markup) -> {
        meter.characters(2L * text.length());
        int[] all = text.codePoints().toArray();
        int[] kept = indices(all.length, start, stop, step).map(i -> all[i]).toArray();
        yield new Value.Text(new String(kept, 0, kept.length), markup);
      }
      case Value.Sequence s when s.shape().isIndexable() -> {
        int[] kept = indices(s.items().size(), start, stop, step).toArray();
        meter.elements(kept.length);
        List<Value> items = Arrays.stream(kept).mapToObj(s.items()::get).toList();
        yield Value.sequence(s.shape() == Value.Shape.RANGE ? Value.Shape.LIST : s.shape(), items);
      }
      default -> throw Fault.of(owner, "cannot be sliced");
    };
  }

  /** Returns the indices that a slice selects from a sequence of a length. */
  private static IntStream indices(int length, Value start, Value stop, Value step) {
    long by = Math.clamp(bound(step, 1), -length - 1L, length + 1L);
    if (by == 0) {
      throw Fault.failed("a slice's step cannot be zero");
    }
    long low = by > 0 ? 0 : -1;
    long high = by > 0 ? length : length - 1L;
    long from = clamp(bound(start, by > 0 ? 0 : Long.MAX_VALUE), length, low, high, start);
    long to = clamp(bound(stop, by > 0 ? Long.MAX_VALUE : -1), length, low, high, stop);
    long count = Math.max(0, by > 0 ? (to - from + by - 1) / by : (to - from + by + 1) / by);
    return IntStream.range(0, (int) count).map(i -> (int) (from + i * by));
  }

  private static long clamp(long index, int length, long low, long high, Value given) {
    boolean fromEnd = index < 0 && !(given instanceof Value.None);
    return Math.clamp(fromEnd ? index + length : index, low, high);
  }

  private static long bound(Value value, long otherwise) {
    if (value instanceof Value.None) {
      return otherwise;
    }
    if (value instanceof Value.Integral integer) {
      return integer.clamped();
    }
    throw Fault.mismatch("a slice requires integers", value);
  }
}
