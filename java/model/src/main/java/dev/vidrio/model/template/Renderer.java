package dev.vidrio.model.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs statements and gathers what they print. */
final class Renderer {

  /** How a statement ends. */
  private enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }

  private final Meter meter;
  private final Evaluator evaluator;
  private StringBuilder out = new StringBuilder();

  Renderer(Meter meter) {
    this.meter = meter;
    this.evaluator = new Evaluator(this, meter);
  }

  /** Runs a template's statements and returns the text they print. */
  String render(List<Stmt> body, Scope scope) {
    StringBuilder outer = out;
    out = new StringBuilder();
    run(body, scope);
    String text = out.toString();
    out = outer;
    return text;
  }

  private Flow run(List<Stmt> body, Scope scope) {
    for (Stmt statement : body) {
      int outer = meter.enter(statement.line());
      Flow flow = run(statement, scope);
      meter.leave(outer);
      if (flow != Flow.NEXT) {
        return flow;
      }
    }
    return Flow.NEXT;
  }

  private Flow run(Stmt statement, Scope scope) {
    switch (statement) {
      case Stmt.Data s -> print(s.text());
      case Stmt.Print s -> print(evaluator.printer().str(evaluator.evaluate(s.value(), scope)));
      case Stmt.If s -> {
        return run(chosen(s, scope), scope);
      }
      case Stmt.For s -> loop(s, scope, evaluator.evaluate(s.iterable(), scope), 0);
      case Stmt.Break s -> {
        return Flow.BREAK;
      }
      case Stmt.Continue s -> {
        return Flow.CONTINUE;
      }
      case Stmt.Set s -> assign(s.target(), evaluator.evaluate(s.value(), scope), scope);
      case Stmt.SetBlock s -> assign(s.target(), filtered(s.filters(), s.body(), scope), scope);
      case Stmt.FilterBlock s ->
          print(evaluator.printer().str(filtered(s.filters(), s.body(), scope)));
      case Stmt.With s -> {
        Scope inner = new Scope(scope);
        for (int i = 0; i < s.targets().size(); i++) {
          assign(s.targets().get(i), evaluator.evaluate(s.values().get(i), scope), inner);
        }
        return run(s.body(), inner);
      }
      case Stmt.Block s -> run(s.body(), new Scope(scope));
      case Stmt.Macro s -> scope.set(s.name(), new Value.Macro(s, scope));
      case Stmt.CallBlock s -> print(evaluator.printer().str(callBlock(s, scope)));
    }
    return Flow.NEXT;
  }

  private void print(String text) {
    meter.append(out, text.length());
    out.append(text);
  }

  private List<Stmt> chosen(Stmt.If statement, Scope scope) {
    for (Stmt.Branch branch : statement.branches()) {
      if (evaluator.isTrue(branch.test(), scope)) {
        return branch.body();
      }
    }
    return statement.otherwise();
  }

  private Value filtered(List<Expr.Apply> filters, List<Stmt> body, Scope scope) {
    Value text = Value.of(render(body, new Scope(scope)));
    for (Expr.Apply filter : filters) {
      text = evaluator.filter(filter, text, scope);
    }
    return text;
  }

  private void loop(Stmt.For statement, Scope scope, Value iterable, int depth) {
    Iterator<Value> items = evaluator.iterate(iterable);
    int length = evaluator.length(iterable);
    Expr test = statement.test();
    if (test != null) {
      // Tested no earlier than the loop gets there: the body may change what the test reads.
      items = Iterators.filter(items, item -> passes(statement.target(), item, test, scope));
      length = -1;
    }
    Loop loop = new Loop(statement, scope, items, length, depth);
    Value variable = new Value.LoopVariable(loop);
    Flow flow = Flow.NEXT;
    boolean completed = false;
    while (flow != Flow.BREAK && loop.advance()) {
      meter.step();
      Scope inner = new Scope(scope);
      assign(statement.target(), loop.current(), inner);
      inner.set("loop", variable);
      flow = run(statement.body(), inner);
      completed |= flow == Flow.NEXT;
    }
    // As in Jinja, a turn that ends with break or continue does not count.
    if (!completed) {
      run(statement.otherwise(), new Scope(scope));
    }
  }

  private boolean passes(Stmt.Target target, Value item, Expr test, Scope scope) {
    Scope inner = new Scope(scope);
    assign(target, item, inner);
    return evaluator.isTrue(test, inner);
  }

  /** Calls a recursive loop with the items of the level below. */
  Value recurse(Loop loop, Arguments arguments) {
    if (!loop.statement().recursive()) {
      throw Fault.failed("only a loop marked 'recursive' can be called");
    }
    Value iterable = arguments.bind("loop()", "iterable").required(0);
    StringBuilder outer = out;
    out = new StringBuilder();
    loop(loop.statement(), loop.scope(), iterable, loop.depth() + 1);
    Value text = Value.of(out.toString());
    out = outer;
    return text;
  }

  private void assign(Stmt.Target target, Value value, Scope scope) {
    switch (target) {
      case Stmt.NameTarget t -> scope.set(t.name(), value);
      case Stmt.AttributeTarget t -> {
        if (!(scope.find(t.namespace()) instanceof Value.Namespace namespace)) {
          throw Fault.failed(
              "'" + t.namespace() + "' is no namespace, so '" + t.name() + "' cannot be set in it");
        }
        namespace.set(t.name(), value);
      }
      case Stmt.TupleTarget t -> {
        List<Value> values = evaluator.items(value);
        if (values.size() != t.parts().size()) {
          throw Fault.failed(
              "sets " + t.parts().size() + " variables from " + values.size() + " values");
        }
        for (int i = 0; i < values.size(); i++) {
          assign(t.parts().get(i), values.get(i), scope);
        }
      }
    }
  }

  private Value callBlock(Stmt.CallBlock block, Scope scope) {
    Expr.Call call = block.call();
    Value callee = evaluator.evaluate(call.callee(), scope);
    Arguments arguments = evaluator.arguments(call.arguments(), scope);
    Map<String, Value> named = new LinkedHashMap<>(arguments.named());
    named.put("caller", new Value.Macro(block.caller(), scope));
    return evaluator.call(callee, new Arguments(arguments.positional(), named));
  }

  /** Calls a macro and returns the text it prints. */
  Value call(Value.Macro macro, Arguments arguments) {
    Stmt.Macro definition = macro.definition();
    Scope scope = new Scope(macro.scope());
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
    bindSpecial(definition, positional, named, scope);
    return Value.of(render(definition.body(), scope));
  }

  private Value defaultOf(Stmt.Parameter parameter, Scope scope) {
    return parameter.otherwise() == null
        ? new Value.Undefined("parameter '" + parameter.name() + "' was not given")
        : evaluator.evaluate(parameter.otherwise(), scope);
  }

  /** Gives a macro the arguments that have no parameter, if its body reads them. */
  private static void bindSpecial(
      Stmt.Macro macro, List<Value> positional, Map<String, Value> named, Scope scope) {
    if (macro.reads().contains("caller")) {
      Value caller = named.remove("caller");
      scope.set(
          "caller",
          caller == null ? new Value.Undefined("the macro was not given a body") : caller);
    }
    int taken = Math.min(positional.size(), macro.parameters().size());
    List<Value> rest = positional.subList(taken, positional.size());
    if (macro.reads().contains("varargs")) {
      scope.set("varargs", Value.tuple(List.copyOf(rest)));
    } else if (!rest.isEmpty()) {
      throw Fault.failed("macro '" + macro.name() + "' takes at most " + taken + " arguments");
    }
    if (macro.reads().contains("kwargs")) {
      LinkedHashMap<Value, Value> entries = new LinkedHashMap<>();
      named.forEach((name, value) -> entries.put(Value.of(name), value));
      scope.set("kwargs", Value.map(entries));
    } else if (!named.isEmpty()) {
      throw Fault.failed(
          "macro '"
              + macro.name()
              + "' takes no argument '"
              + named.keySet().iterator().next()
              + "'");
    }
  }
}
