package dev.vidrio.template.value;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of a call.
 *
 * @param positional the positional arguments
 * @param named the named arguments, in order
 */
public record Arguments(List<Value> positional, Map<String, Value> named) {

  /**
   * Binds the arguments to the parameters of a function.
   *
   * @param callee the name of the function in errors, such as {@code filter 'join'}
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
            throw Fault.failed(callee + " has no parameter '" + name + "'");
          }
          if (values[i] != null) {
            throw Fault.failed(callee + ": argument '" + name + "' is given twice");
          }
          values[i] = value;
        });
    return new Bound(callee, parameters, values);
  }

  /** Arguments by parameter index. */
  public static final class Bound {
    private final String callee;
    private final String[] parameters;
    private final @Nullable Value[] values;

    private Bound(String callee, String[] parameters, @Nullable Value[] values) {
      this.callee = callee;
      this.parameters = parameters;
      this.values = values;
    }

    /** Returns an argument, or null if it was not given. */
    public @Nullable Value get(int i) {
      return values[i];
    }

    /** Returns an argument, or a default if it was not given. */
    public Value or(int i, Value otherwise) {
      Value value = values[i];
      return value == null ? otherwise : value;
    }

    /** Returns a required argument. */
    public Value required(int i) {
      Value value = values[i];
      if (value == null) {
        throw Fault.failed(callee + ": argument '" + parameters[i] + "' is missing");
      }
      return value;
    }

    /** Returns a string argument, or null if it was not given or is None. */
    public @Nullable String text(int i) {
      return switch (or(i, Value.NONE)) {
        case Value.None n -> null;
        case Value.Text t -> t.value();
        default -> throw wrong(i, "a string");
      };
    }

    /** Returns a required string argument. */
    public String requiredText(int i) {
      return required(i) instanceof Value.Text(String text, boolean markup)
          ? text
          : fail(i, "a string");
    }

    /** Returns an integer argument, clamped to 64 bits, or a default if it was not given. */
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

    /** Returns the truth value of an argument, or a default if it was not given. */
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
              + " requires "
              + type
              + " as '"
              + parameters[i]
              + "', not a value of type '"
              + Value.type(required(i))
              + "'");
    }
  }
}
