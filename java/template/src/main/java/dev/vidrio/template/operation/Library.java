package dev.vidrio.template.operation;

import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The built-in functions of one kind by name: filters, tests, methods of a type, global functions.
 *
 * @param <S> the type of what a function applies to: usually a value
 */
public final class Library<S> {

  /** Stands for any number of positional and named arguments. */
  public static final String ANY = "*";

  /** The implementation of a function. */
  @FunctionalInterface
  public interface Body<S> {

    /**
     * Applies the function.
     *
     * @param self the value before the filter, test or method; the time of a global function
     * @param arguments the arguments by parameter name
     */
    Value call(Meter meter, S self, Arguments arguments);
  }

  private record Entry<S>(Body<S> body, String callee, List<String> parameters) {}

  private final String kind;
  private final Map<String, Entry<S>> entries = new HashMap<>();

  /**
   * Creates an empty library.
   *
   * @param kind the kind of the functions in errors, such as {@code filter} or {@code list method}
   */
  public Library(String kind) {
    this.kind = kind;
  }

  /** Adds a function with the names of its parameters, or {@link #ANY}. */
  public void add(String name, Body<S> body, String... parameters) {
    entries.put(name, new Entry<>(body, callee(name), List.of(parameters)));
  }

  /** Adds functions that exist in Python or Jinja, but that no known template calls. */
  public void addUnsupported(String... names) {
    Arrays.asList(names).forEach(name -> add(name, (m, s, a) -> unsupported(name), ANY));
  }

  private Value unsupported(String name) {
    throw Fault.unsupported(callee(name));
  }

  private String callee(String name) {
    return kind + " '" + name + "'";
  }

  /** Returns the kind of the functions. */
  public String kind() {
    return kind;
  }

  /** Returns the names of all functions. */
  public Set<String> names() {
    return entries.keySet();
  }

  /** Calls a function. */
  public Value call(Meter meter, String name, S self, Arguments arguments) {
    Entry<S> entry = entries.get(name);
    if (entry == null) {
      return unsupported(name);
    }
    Arguments bound =
        entry.parameters.contains(ANY)
            ? new Arguments(entry.callee, arguments.positional(), arguments.named())
            : arguments.bind(entry.callee, entry.parameters);
    return entry.body.call(meter, self, bound);
  }

  /** Returns a function as a callable that is bound to a value, or null if there is none. */
  public @Nullable Value bind(S self, String name) {
    return entries.containsKey(name) ? new Function<>(this, self, name) : null;
  }

  /** Returns all functions by name as callables that are bound to a value. */
  public Map<String, Value> bindAll(S self) {
    Map<String, Value> bound = new HashMap<>();
    entries.keySet().forEach(name -> bound.put(name, new Function<>(this, self, name)));
    return bound;
  }

  /** A function of a library, bound to a value. */
  record Function<S>(Library<S> library, S self, String name) implements Value.Callable {

    @Override
    public String type() {
      return library.kind.substring(library.kind.lastIndexOf(' ') + 1);
    }

    @Override
    public String repr() {
      return "<" + type() + " " + name + ">";
    }

    @Override
    public Value call(Meter meter, Arguments arguments) {
      return library.call(meter, name, self, arguments);
    }
  }
}
