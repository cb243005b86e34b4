package dev.vidrio.template.value;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of a call.
 *
 * @param callee the name of the function in errors, such as {@code filter 'join'}
 * @param positional the positional arguments that are not bound to parameters
 * @param named the named and the bound arguments, in order
 */
public record Arguments(String callee, List<Value> positional, Map<String, Value> named) {

  /** Creates the arguments of a call to a callee that is not known yet. */
  public Arguments(List<Value> positional, Map<String, Value> named) {
    this("", positional, named);
  }

  /** Binds the positional arguments to the parameters of a function. */
  public Arguments bind(String function, List<String> parameters) {
    if (positional.size() > parameters.size()) {
      throw Fault.failed(function + " takes at most " + parameters.size() + " arguments");
    }
    if (positional.isEmpty() && named.isEmpty()) {
      return new Arguments(function, positional, named);
    }
    Map<String, Value> bound = new HashMap<>();
    for (int i = 0; i < positional.size(); i++) {
      bound.put(parameters.get(i), positional.get(i));
    }
    named.forEach(
        (name, value) -> {
          if (!parameters.contains(name)) {
            throw Fault.failed(function + " has no parameter '" + name + "'");
          }
          if (bound.put(name, value) != null) {
            throw Fault.failed(function + ": argument '" + name + "' is given twice");
          }
        });
    return new Arguments(function, List.of(), bound);
  }

  /** Returns an argument, or a default if it was not given. */
  public Value or(String name, Value otherwise) {
    return named.getOrDefault(name, otherwise);
  }

  /** Returns whether an argument is None or was not given. */
  public boolean isNone(String name) {
    return or(name, Value.NONE) instanceof Value.None;
  }

  /** Returns a required argument. */
  public Value required(String name) {
    Value value = named.get(name);
    if (value == null) {
      throw Fault.failed(callee + ": argument '" + name + "' is missing");
    }
    return value;
  }

  /** Returns a string argument, or null if it is None or was not given. */
  public @Nullable String textOrNull(String name) {
    return isNone(name) ? null : text(name);
  }

  /** Returns a string argument, or a default if it was not given. */
  public String text(String name, String otherwise) {
    return named.containsKey(name) ? text(name) : otherwise;
  }

  /** Returns a required string argument. */
  public String text(String name) {
    if (required(name) instanceof Value.Text text) {
      return text.value();
    }
    throw wrong(name, "a string");
  }

  /** Returns an integer argument, clamped to 64 bits, or a default if it was not given. */
  public long integer(String name, long otherwise) {
    return named.containsKey(name) ? integer(name) : otherwise;
  }

  /** Returns a required integer argument, clamped to 64 bits. */
  public long integer(String name) {
    if (required(name) instanceof Value.Integral integer) {
      return integer.clamped();
    }
    throw wrong(name, "an integer");
  }

  /** Returns the truth value of an argument; false if it was not given. */
  public boolean isTrue(String name) {
    return Value.truth(or(name, Value.FALSE));
  }

  private Fault wrong(String name, String type) {
    return Fault.mismatch(callee + " requires " + type + " as '" + name + "'", required(name));
  }
}
