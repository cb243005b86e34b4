package dev.vidrio.template.value;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of a call.
 *
 * @param positional in order
 * @param named in the order given
 */
public record Arguments(List<Value> positional, Map<String, Value> named) {

  /**
   * Lays the arguments out by a function's parameters.
   *
   * @param callee names the function in errors, such as {@code filter 'join'}
   */
  public Bound bind(String callee, String... parameters) {
    if (positional.size() > parameters.length) {
      throw Fault.failed(callee + " takes at most " + parameters.length + " arguments");
    }
    @Nullable Value[] values = new @Nullable Value[parameters.length];
    for (int i = 0; i < positional.size(); i++) {
      values[i] = positional.get(i);
    }
    named.forEach(
        (name, value) -> {
          int i = Arrays.asList(parameters).indexOf(name);
          if (i < 0) {
            throw Fault.failed(callee + " takes no argument '" + name + "'");
          }
          if (values[i] != null) {
            throw Fault.failed(callee + " is given '" + name + "' twice");
          }
          values[i] = value;
        });
    return new Bound(callee, parameters, values);
  }

  /** Arguments by parameter. */
  public static final class Bound {
    private final String callee;
    private final String[] parameters;
    private final @Nullable Value[] values;

    private Bound(String callee, String[] parameters, @Nullable Value[] values) {
      this.callee = callee;
      this.parameters = parameters;
      this.values = values;
    }

    /** Returns the argument, or null if it was not given. */
    public @Nullable Value get(int i) {
      return values[i];
    }

    public Value or(int i, Value otherwise) {
      Value value = values[i];
      return value == null ? otherwise : value;
    }

    public Value required(int i) {
      Value value = values[i];
      if (value == null) {
        throw Fault.failed(callee + " lacks the argument '" + parameters[i] + "'");
      }
      return value;
    }

    /** Returns a string, or null if it was not given or is None. */
    public @Nullable String text(int i) {
      return switch (or(i, Value.NONE)) {
        case Value.None n -> null;
        case Value.Text t -> t.value();
        default -> throw wrong(i, "a string");
      };
    }

    public String requiredText(int i) {
      return required(i) instanceof Value.Text(String text, boolean markup)
          ? text
          : fail(i, "a string");
    }

    /** Returns an integer; one beyond 64 bits is cut to the nearest of 64 bits. */
    public long integer(int i, long otherwise) {
      Value value = values[i];
      if (value == null) {
        return otherwise;
      }
      if (!(value instanceof Value.Int || value instanceof Value.Bool)) {
        throw wrong(i, "an integer");
      }
      return Numbers.toLong(Numbers.integer(value));
    }

    public boolean truth(int i, boolean otherwise) {
      Value value = values[i];
      return value == null ? otherwise : Value.truth(value);
    }

    private String fail(int i, String type) {
      throw wrong(i, type);
    }

    private Fault wrong(int i, String type) {
      return Fault.failed(
          callee
              + " wants "
              + type
              + " as '"
              + parameters[i]
              + "', not a value of type '"
              + Value.type(required(i))
              + "'");
    }
  }
}
