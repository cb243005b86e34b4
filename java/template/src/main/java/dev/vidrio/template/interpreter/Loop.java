package dev.vidrio.template.interpreter;

import dev.vidrio.template.operation.Comparison;
import dev.vidrio.template.operation.Library;
import dev.vidrio.template.syntax.Stmt;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The state of a running {@code for}, visible to its body as {@code loop}. Calling it renders one
 * more level of a recursive loop.
 */
final class Loop implements Value.Callable {

  private static final Library<Loop> METHODS = new Library<>("loop method");

  static {
    METHODS.add("cycle", (m, loop, a) -> loop.cycle(a.positional()), Library.ANY);
    METHODS.add("changed", (m, loop, a) -> loop.changed(m, a.positional()), Library.ANY);
  }

  private final Renderer renderer;
  private final Stmt.For statement;
  private final Scope scope;
  private final int depth;
  private Iterator<Value> items;
  private int length;
  private int index = -1;
  private @Nullable Value previous;
  private Value current = Value.NONE;

  /** The item after the current one, if it has been read already. */
  private @Nullable Value upcoming;

  private @Nullable List<Value> lastChanged;

  /**
   * Starts a loop.
   *
   * @param scope the scope that contains the statement
   * @param items the items, read no further ahead than the body requires
   * @param length the number of items, or −1 if it is unknown before reading them
   * @param depth the recursion depth, from 0
   */
  Loop(
      Renderer renderer,
      Stmt.For statement,
      Scope scope,
      Iterator<Value> items,
      int length,
      int depth) {
    this.renderer = renderer;
    this.statement = statement;
    this.scope = scope;
    this.items = items;
    this.length = length;
    this.depth = depth;
  }

  @Override
  public String type() {
    return "LoopContext";
  }

  @Override
  public String repr() {
    return "<LoopContext>";
  }

  @Override
  public Value call(Meter meter, Arguments arguments) {
    if (!statement.recursive()) {
      throw Fault.failed("only a loop marked 'recursive' can be called");
    }
    Value iterable = arguments.bind("loop()", List.of("iterable")).required("iterable");
    return Value.of(renderer.render(statement, scope, iterable, depth + 1));
  }

  /** Advances to the next item and returns true, or returns false at the end. */
  boolean advance() {
    Value next = peek();
    if (next == null) {
      return false;
    }
    previous = index < 0 ? null : current;
    current = next;
    upcoming = null;
    index++;
    return true;
  }

  Value current() {
    return current;
  }

  private @Nullable Value peek() {
    if (upcoming == null && items.hasNext()) {
      upcoming = items.next();
    }
    return upcoming;
  }

  @Override
  public int length() {
    if (length < 0) {
      List<Value> rest = new ArrayList<>();
      items.forEachRemaining(rest::add);
      items = rest.iterator();
      length = rest.size() + index + 1 + (upcoming == null ? 0 : 1);
    }
    return length;
  }

  @Override
  public @Nullable Value attribute(String name) {
    return switch (name) {
      case "index" -> Value.of(index + 1L);
      case "index0" -> Value.of(index);
      case "revindex" -> Value.of((long) length() - index);
      case "revindex0" -> Value.of(length() - index - 1L);
      case "first" -> Value.of(index == 0);
      case "last" -> Value.of(peek() == null);
      case "length" -> Value.of(length());
      case "depth" -> Value.of(depth + 1L);
      case "depth0" -> Value.of(depth);
      case "previtem" ->
          previous == null ? new Value.Undefined("there is no previous item") : previous;
      case "nextitem" -> {
        Value next = peek();
        yield next == null ? new Value.Undefined("there is no next item") : next;
      }
      default -> METHODS.bind(this, name);
    };
  }

  private Value cycle(List<Value> values) {
    if (values.isEmpty()) {
      throw Fault.failed("loop.cycle() requires at least one value");
    }
    return values.get(index % values.size());
  }

  private Value changed(Meter meter, List<Value> values) {
    boolean changed =
        lastChanged == null
            || !Comparison.equal(meter, Value.tuple(lastChanged), Value.tuple(values));
    lastChanged = values;
    return Value.of(changed);
  }
}
