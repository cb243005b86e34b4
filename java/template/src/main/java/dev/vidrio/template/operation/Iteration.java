package dev.vidrio.template.operation;

import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Strings;
import dev.vidrio.template.value.Value;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Python's {@code iter()} and {@code len()}. */
public final class Iteration {

  private Iteration() {}

  /** Returns an iterator over a value, as {@code for} does. */
  public static Iterator<Value> iterate(Meter meter, Value value) {
    return switch (value) {
      case Value.Cursor c -> c.items();
      case Value.Sequence s -> s.items().iterator();
      default -> items(meter, value).iterator();
    };
  }

  /** Returns whether a value can be iterated. */
  public static boolean isIterable(Value value) {
    return switch (value) {
      case Value.Sequence s -> true;
      case Value.Mapping m -> true;
      case Value.Text t -> true;
      case Value.Cursor c -> true;
      case Value.Undefined u -> true;
      default -> false;
    };
  }

  /** Returns the items of an iterable; consumes a {@link Value.Cursor}. */
  public static List<Value> items(Meter meter, Value value) {
    return switch (value) {
      case Value.Sequence s -> {
        if (s.shape() == Value.Shape.RANGE) {
          meter.values(s.items().size());
        }
        meter.elements(s.items().size());
        yield s.items();
      }
      case Value.Mapping m -> {
        meter.elements(m.entries().size());
        yield List.copyOf(m.entries().keySet());
      }
      case Value.Text t -> {
        meter.values(t.value().length());
        yield t.value().codePoints().<Value>mapToObj(c -> Value.of(Character.toString(c))).toList();
      }
      case Value.Cursor c -> {
        List<Value> rest = new ArrayList<>();
        c.items().forEachRemaining(rest::add);
        yield rest;
      }
      case Value.Undefined u -> List.of();
      default -> throw Fault.of(value, "cannot be iterated");
    };
  }

  /** Returns the number of items, or −1 if it is unknown before iterating. */
  public static int length(Meter meter, Value value) {
    return switch (value) {
      case Value.Sequence s -> s.items().size();
      case Value.Mapping m -> m.entries().size();
      case Value.Text t -> {
        meter.characters(t.value().length());
        yield Strings.length(t.value());
      }
      case Value.Undefined u -> 0;
      case Value.Callable c -> c.length();
      default -> -1;
    };
  }

  /**
   * Returns an iterator over the results of a function that are not null, evaluated lazily.
   *
   * @param function the function of an item
   */
  public static Iterator<Value> map(
      Iterator<Value> items, Function<Value, ? extends @Nullable Value> function) {
    return new Iterator<>() {
      private @Nullable Value upcoming;

      @Override
      public boolean hasNext() {
        while (upcoming == null && items.hasNext()) {
          upcoming = function.apply(items.next());
        }
        return upcoming != null;
      }

      @Override
      public Value next() {
        Value item = hasNext() ? upcoming : null;
        if (item == null) {
          throw new NoSuchElementException();
        }
        upcoming = null;
        return item;
      }
    };
  }
}
