package dev.vidrio.template.interpreter;

import dev.vidrio.template.value.Value;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Variables of a block; those of the blocks around it are seen, but not set, from inside. */
final class Scope {

  private final @Nullable Scope outer;
  private final Map<String, Value> variables;

  Scope(Scope outer) {
    this(outer, new HashMap<>());
  }

  /** Starts with variables that there are already. */
  Scope(@Nullable Scope outer, Map<String, Value> variables) {
    this.outer = outer;
    this.variables = variables;
  }

  /** Returns a variable of this or an outer scope, or null. */
  @Nullable Value find(String name) {
    for (Scope scope = this; scope != null; scope = scope.outer) {
      Value value = scope.variables.get(name);
      if (value != null) {
        return value;
      }
    }
    return null;
  }

  void set(String name, Value value) {
    variables.put(name, value);
  }
}
