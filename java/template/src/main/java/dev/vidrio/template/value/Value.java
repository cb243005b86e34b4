package dev.vidrio.template.value;

import java.math.BigInteger;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The values of a template. The hierarchy is closed: host objects are never accessible.
 *
 * <p>Values are immutable except {@link Namespace} and {@link Cursor}, so lists share their
 * elements, and only a namespace can contain itself. Java's {@code equals} is Python's {@code ==}
 * for values that can be keys of a dict; {@code operation} compares the others.
 */
public sealed interface Value {

  Value NONE = new None();
  Value TRUE = new Bool(true);
  Value FALSE = new Bool(false);
  Text EMPTY = new Text("", false);

  /** The maximum nesting of lists and dicts, which bounds every traversal. */
  int MAX_DEPTH = 128;

  /** A value that can be a key of a dict. */
  sealed interface Key extends Value {}

  /** A number; numbers of different types can be equal. */
  sealed interface Numeric extends Key {
    /** Returns the nearest float. */
    double real();
  }

  /** An integer or a boolean. */
  sealed interface Integral extends Numeric {
    /** Returns the exact value. */
    BigInteger integer();

    @Override
    default double real() {
      return integer().doubleValue();
    }

    /** Returns the value, clamped to 64 bits. */
    default long clamped() {
      BigInteger integer = integer();
      return integer.bitLength() < Long.SIZE
          ? integer.longValue()
          : integer.signum() < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
  }

  /** Python's {@code None}. */
  record None() implements Key {}

  /**
   * A missing variable, attribute or element.
   *
   * @param reason the description for errors
   */
  record Undefined(String reason) implements Value {}

  /** A boolean. */
  record Bool(boolean value) implements Integral {
    @Override
    public BigInteger integer() {
      return value ? BigInteger.ONE : BigInteger.ZERO;
    }

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
  record Int(BigInteger integer) implements Integral {
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
  record Real(double real) implements Numeric {
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
   * @param value the text
   * @param markup whether it is marked safe: text appended to it is escaped for HTML
   */
  record Text(String value, boolean markup) implements Key, Comparable<Text> {
    /** Keeps hash maps fast if a template's keys collide. */
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

  /** The Python type of a {@link Sequence}. */
  enum Shape {
    LIST,
    TUPLE,
    RANGE,
    DICT_KEYS,
    DICT_VALUES,
    DICT_ITEMS;

    String type() {
      return Strings.lower(name());
    }

    /** Returns whether elements can be accessed by index. */
    public boolean isIndexable() {
      return isListOrTuple() || this == RANGE;
    }

    /** Returns whether it is a list or a tuple. */
    public boolean isListOrTuple() {
      return this == LIST || this == TUPLE;
    }
  }

  /**
   * A list or another iterable with a length.
   *
   * @param shape the Python type
   * @param items the elements
   * @param depth the nesting depth of lists and dicts, including this one
   */
  record Sequence(Shape shape, List<Value> items, int depth) implements Value {}

  /** A dict in insertion order. */
  record Mapping(Map<Value, Value> entries, int depth) implements Value {
    /** Returns the value of a key, or null. */
    public @Nullable Value get(Value key) {
      return key instanceof Key ? entries.get(key) : null;
    }

    /** Returns the value of a key, or null; throws a fault if Python cannot hash the key. */
    public @Nullable Value find(Value key) {
      if (key instanceof Mapping
          || (key instanceof Sequence s && s.shape != Shape.TUPLE && s.shape != Shape.RANGE)) {
        key(key);
      }
      return get(key);
    }
  }

  /**
   * A Python generator, which can be iterated once.
   *
   * @param items the remaining items
   * @param depth the number of cursors that reading this one reads through, including itself
   */
  record Cursor(Iterator<Value> items, int depth) implements Value {}

  /** The result of {@code namespace()}: attributes that a template may set. */
  final class Namespace implements Value {
    private final Map<String, Value> attributes = new HashMap<>();

    /** Returns an attribute, or null. */
    public @Nullable Value get(String name) {
      return attributes.get(name);
    }

    /** Sets an attribute. */
    public void set(String name, Value value) {
      if (name.startsWith("_")) {
        throw Fault.failed("namespace attributes must not begin with '_': '" + name + "'");
      }
      attributes.put(name, value);
    }
  }

  /** A callable. The interpreter adds macros and loops. */
  non-sealed interface Callable extends Value {

    /** Returns the name of the Python type. */
    String type();

    /** Returns Python's {@code repr()}. */
    String repr();

    /** Calls it. */
    Value call(Meter meter, Arguments arguments);

    /** Returns the number of items, or −1 if it has none. */
    default int length() {
      return -1;
    }

    /** Returns an attribute, or null if it does not exist. */
    default @Nullable Value attribute(String name) {
      return null;
    }
  }

  /** Returns a boolean. */
  static Value of(boolean value) {
    return value ? TRUE : FALSE;
  }

  /** Returns an integer. */
  static Value of(long value) {
    return new Int(BigInteger.valueOf(value));
  }

  /** Returns a string that is not marked safe. */
  static Text of(String value) {
    return new Text(value, false);
  }

  /** Returns a list. The argument must not be modified afterwards. */
  static Value list(List<Value> items) {
    return sequence(Shape.LIST, items);
  }

  /** Returns a tuple. The argument must not be modified afterwards. */
  static Value tuple(List<Value> items) {
    return sequence(Shape.TUPLE, items);
  }

  /** Returns a sequence. The argument must not be modified afterwards. */
  static Value sequence(Shape shape, List<Value> items) {
    return new Sequence(shape, Collections.unmodifiableList(items), depthOver(items));
  }

  /**
   * Returns a dict. The argument must not be modified afterwards; its keys must be of type {@link
   * Key}.
   */
  static Mapping map(Map<Value, Value> entries) {
    return new Mapping(Collections.unmodifiableMap(entries), depthOver(entries.values()));
  }

  /** Returns a generator of items that are derived from a source as they are read. */
  static Value cursor(Iterator<Value> items, Value source) {
    int depth = source instanceof Cursor c ? c.depth() + 1 : 1;
    if (depth > MAX_DEPTH) {
      throw Fault.failed("more than " + MAX_DEPTH + " chained generators");
    }
    return new Cursor(items, depth);
  }

  /** Returns a generator over existing items. */
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

  /** Returns a value that can be a key of a dict, or throws a fault. */
  static Value key(Value value) {
    if (value instanceof Key) {
      return value;
    }
    throw Fault.of(value, "cannot be a key of a dict");
  }

  /** Returns Python's {@code bool()} of a value. */
  static boolean truth(Value value) {
    return switch (value) {
      case None n -> false;
      case Undefined u -> false;
      case Numeric n -> n.real() != 0;
      case Text t -> !t.value().isEmpty();
      case Sequence s -> !s.items().isEmpty();
      case Mapping m -> !m.entries().isEmpty();
      case Cursor c -> true;
      case Namespace n -> true;
      case Callable c -> c.length() != 0;
    };
  }

  /** Returns the name of a value's Python type, for errors. */
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
