package dev.vidrio.template.value;

import java.math.BigInteger;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Everything a template can hold. There is no other kind: no host object is ever reachable.
 *
 * <p>Values do not change, but for {@link Namespace} and {@link Cursor}; so lists share their
 * elements, and nothing but a namespace can contain itself. Java's {@code equals} is defined as
 * Python's {@code ==} for what can be a dict's key; the operators compare the rest.
 */
public sealed interface Value {

  Value NONE = new None();
  Value TRUE = new Bool(true);
  Value FALSE = new Bool(false);
  Text EMPTY = new Text("", false);

  /** Lists in lists; bounds every walk over a value. */
  int MAX_DEPTH = 128;

  /** Python's None. */
  record None() implements Value {}

  /**
   * A variable, attribute or element that is not there.
   *
   * @param reason what is missing, for the error that its use may bring
   */
  record Undefined(String reason) implements Value {}

  /** True or False. */
  record Bool(boolean value) implements Value {
    @Override
    public boolean equals(@Nullable Object other) {
      return Numbers.equal(this, other);
    }

    @Override
    public int hashCode() {
      return Numbers.hash(this);
    }
  }

  /** An integer. */
  record Int(BigInteger value) implements Value {
    @Override
    public boolean equals(@Nullable Object other) {
      return Numbers.equal(this, other);
    }

    @Override
    public int hashCode() {
      return Numbers.hash(this);
    }
  }

  /** A float. */
  record Real(double value) implements Value {
    @Override
    public boolean equals(@Nullable Object other) {
      return Numbers.equal(this, other);
    }

    @Override
    public int hashCode() {
      return Numbers.hash(this);
    }
  }

  /**
   * A string.
   *
   * @param markup whether it is marked safe: adding text to it escapes that text for HTML
   */
  record Text(String value, boolean markup) implements Value, Comparable<Text> {
    /** Keeps hash maps fast when a template's keys collide. */
    @Override
    public int compareTo(Text other) {
      return value.compareTo(other.value);
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Text(String text, boolean any) && text.equals(value);
    }

    @Override
    public int hashCode() {
      return value.hashCode();
    }
  }

  /** What a {@link Sequence} is in Python. */
  enum Shape {
    LIST("list"),
    TUPLE("tuple"),
    RANGE("range"),
    KEYS("dict_keys"),
    VALUES("dict_values"),
    ITEMS("dict_items");

    private final String type;

    Shape(String type) {
      this.type = type;
    }

    String type() {
      return type;
    }

    public boolean isIndexable() {
      return this == LIST || this == TUPLE || this == RANGE;
    }
  }

  /**
   * A list, or what iterates like one.
   *
   * @param depth levels of lists and dicts, itself included
   */
  record Sequence(Shape shape, List<Value> items, int depth) implements Value {}

  /** A dict in the order of insertion. */
  record Mapping(Map<Value, Value> entries, int depth) implements Value {
    public @Nullable Value get(String key) {
      return entries.get(new Text(key, false));
    }
  }

  /**
   * What Python calls a generator: it can be iterated once.
   *
   * @param depth cursors that reading this one reads through, itself included
   */
  record Cursor(Iterator<Value> items, int depth) implements Value {}

  /** What {@code namespace()} makes: attributes that a template may set. */
  final class Namespace implements Value {
    private final Map<String, Value> attributes = new HashMap<>();

    public @Nullable Value get(String name) {
      return attributes.get(name);
    }

    public void set(String name, Value value) {
      if (name.startsWith("_")) {
        throw Fault.failed("a namespace has no attributes that begin with '_': '" + name + "'");
      }
      attributes.put(name, value);
    }
  }

  /** Anything that can be called. The interpreter has kinds of its own: macros and loops. */
  non-sealed interface Callable extends Value {

    /** The name of its type in Python. */
    String type();

    /** What Python's {@code repr()} says. */
    String repr();

    Value call(Meter meter, Arguments arguments);

    /** The number of items, or -1 for what has none. */
    default int length() {
      return -1;
    }

    /** Returns an attribute, or null if there is none of that name. */
    default @Nullable Value attribute(String name) {
      return null;
    }
  }

  static Value of(boolean value) {
    return value ? TRUE : FALSE;
  }

  static Value of(long value) {
    return new Int(BigInteger.valueOf(value));
  }

  static Text of(String value) {
    return new Text(value, false);
  }

  /** The list must not change afterwards. */
  static Value list(List<Value> items) {
    return sequence(Shape.LIST, items);
  }

  static Value tuple(List<Value> items) {
    return sequence(Shape.TUPLE, items);
  }

  static Value sequence(Shape shape, List<Value> items) {
    return new Sequence(shape, Collections.unmodifiableList(items), depthOver(items));
  }

  /** The map must not change afterwards; its keys must be {@linkplain #isKey keys}. */
  static Value map(Map<Value, Value> entries) {
    return new Mapping(Collections.unmodifiableMap(entries), depthOver(entries.values()));
  }

  /** Items that are made, as they are read, from those of a source. */
  static Value cursor(Iterator<Value> items, Value source) {
    int depth = source instanceof Cursor c ? c.depth() + 1 : 1;
    if (depth > MAX_DEPTH) {
      throw Fault.failed("more than " + MAX_DEPTH + " filters read one from another");
    }
    return new Cursor(items, depth);
  }

  /** Items that are there already. */
  static Value cursor(List<Value> items) {
    return new Cursor(items.iterator(), 1);
  }

  private static int depthOver(Iterable<Value> items) {
    int depth = 0;
    for (Value item : items) {
      depth = Math.max(depth, depthOf(item));
    }
    if (depth >= MAX_DEPTH) {
      throw Fault.failed("lists and dicts nest deeper than " + MAX_DEPTH + " levels");
    }
    return depth + 1;
  }

  private static int depthOf(Value value) {
    return switch (value) {
      case Sequence s -> s.depth();
      case Mapping m -> m.depth();
      default -> 0;
    };
  }

  /** Whether a value can be a dict's key. */
  static boolean isKey(Value value) {
    return switch (value) {
      case None n -> true;
      case Bool b -> true;
      case Int i -> true;
      case Real r -> true;
      case Text t -> true;
      default -> false;
    };
  }

  /** Returns a value that can be a dict's key. */
  static Value key(Value value) {
    if (!isKey(value)) {
      throw Fault.failed("a value of type '" + type(value) + "' cannot be a dict's key");
    }
    return value;
  }

  /** Looks a key up; a fault if Python could not hash it. */
  static @Nullable Value find(Mapping mapping, Value key) {
    boolean list =
        key instanceof Mapping
            || (key instanceof Sequence s && s.shape() != Shape.TUPLE && s.shape() != Shape.RANGE);
    return list || isKey(key) ? mapping.entries().get(key(key)) : null;
  }

  /** What Python's {@code bool()} says. */
  static boolean truth(Value value) {
    return switch (value) {
      case None n -> false;
      case Undefined u -> false;
      case Bool b -> b.value();
      case Int i -> i.value().signum() != 0;
      case Real r -> r.value() != 0;
      case Text t -> !t.value().isEmpty();
      case Sequence s -> !s.items().isEmpty();
      case Mapping m -> !m.entries().isEmpty();
      case Cursor c -> true;
      case Namespace n -> true;
      case Callable c -> c.length() != 0;
    };
  }

  /** The name of a value's type in Python, for error messages. */
  static String type(Value value) {
    return switch (value) {
      case None n -> "NoneType";
      case Undefined u -> "Undefined";
      case Bool b -> "bool";
      case Int i -> "int";
      case Real r -> "float";
      case Text t -> t.markup() ? "Markup" : "str";
      case Sequence s -> s.shape().type();
      case Mapping m -> "dict";
      case Cursor c -> "generator";
      case Namespace n -> "Namespace";
      case Callable c -> c.type();
    };
  }
}
