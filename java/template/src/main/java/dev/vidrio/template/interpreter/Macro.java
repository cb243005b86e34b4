package dev.vidrio.template.interpreter;

import dev.vidrio.template.syntax.Stmt;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A macro, or the body of a {@code call} block. */
final class Macro implements Value.Callable {

  private final Stmt.Macro definition;
  private final Scope outer;
  private final Renderer renderer;

  /**
   * Defines a macro.
   *
   * @param outer the scope that contains the definition
   */
  Macro(Stmt.Macro definition, Scope outer, Renderer renderer) {
    this.definition = definition;
    this.outer = outer;
    this.renderer = renderer;
  }

  @Override
  public String type() {
    return "Macro";
  }

  @Override
  public String repr() {
    return "<Macro '" + definition.name() + "'>";
  }

  /** Returns the text that the macro prints. */
  @Override
  public Value call(Meter meter, Arguments arguments) {
    Scope scope = new Scope(outer);
    List<Value> positional = arguments.positional();
    Map<String, Value> named = new LinkedHashMap<>(arguments.named());
    List<Stmt.Parameter> parameters = definition.parameters();
    List<Stmt.Parameter> missing = new ArrayList<>();
    for (int i = 0; i < parameters.size(); i++) {
      String name = parameters.get(i).name();
      Value value = i < positional.size() ? positional.get(i) : named.remove(name);
      if (value == null) {
        missing.add(parameters.get(i));
      } else {
        scope.set(name, value);
      }
    }
    for (Stmt.Parameter parameter : missing) {
      scope.set(parameter.name(), defaultOf(parameter, scope));
    }
    bindSpecial(positional, named, scope);
    return Value.of(renderer.render(definition.body(), scope));
  }

  private Value defaultOf(Stmt.Parameter parameter, Scope scope) {
    return parameter.otherwise() == null
        ? new Value.Undefined("parameter '" + parameter.name() + "' was not given")
        : renderer.evaluate(parameter.otherwise(), scope);
  }

  /**
   * Binds {@code caller}, {@code varargs} and {@code kwargs} if the body reads them; rejects excess
   * arguments otherwise.
   */
  private void bindSpecial(List<Value> positional, Map<String, Value> named, Scope scope) {
    if (definition.reads().contains("caller")) {
      Value caller = named.remove("caller");
      scope.set(
          "caller",
          caller == null ? new Value.Undefined("the macro was not given a body") : caller);
    }
    int taken = Math.min(positional.size(), definition.parameters().size());
    List<Value> rest = positional.subList(taken, positional.size());
    if (definition.reads().contains("varargs")) {
      scope.set("varargs", Value.tuple(List.copyOf(rest)));
    } else if (!rest.isEmpty()) {
      throw Fault.failed("macro '" + definition.name() + "' takes at most " + taken + " arguments");
    }
    if (definition.reads().contains("kwargs")) {
      Map<Value, Value> entries = new LinkedHashMap<>();
      named.forEach((name, value) -> entries.put(Value.of(name), value));
      scope.set("kwargs", Value.map(entries));
    } else if (!named.isEmpty()) {
      String name = named.keySet().iterator().next();
      throw Fault.failed("macro '" + definition.name() + "' has no parameter '" + name + "'");
    }
  }
}
