package dev.vidrio.template.interpreter;

import dev.vidrio.template.builtin.Globals;
import dev.vidrio.template.operation.Iteration;
import dev.vidrio.template.syntax.Expr;
import dev.vidrio.template.syntax.Stmt;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Value;
import java.time.ZonedDateTime;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs statements and collects their output. */
public final class Renderer extends Evaluator {

  /** The control flow after a statement. */
  private enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }

  private StringBuilder out = new StringBuilder();

  private Renderer(Meter meter) {
    super(meter);
  }

  /**
   * Renders a template.
   *
   * @param variables the variables of the template
   * @param now the time of {@code strftime_now}
   */
  public static String render(
      List<Stmt> body, Map<String, Value> variables, ZonedDateTime now, Meter meter) {
    Scope given = new Scope(null);
    Globals.ALL.bindAll(now).forEach(given::set);
    variables.forEach(given::set);
    return new Renderer(meter).render(body, new Scope(given));
  }

  /** Runs statements and returns their output. */
  String render(List<Stmt> body, Scope scope) {
    return capture(() -> run(body, scope));
  }

  private String capture(Runnable printing) {
    StringBuilder outer = out;
    out = new StringBuilder();
    printing.run();
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
      case Stmt.Print s -> print(Printer.str(meter, evaluate(s.value(), scope)));
      case Stmt.If s -> {
        return run(chosen(s, scope), scope);
      }
      case Stmt.For s -> loop(s, scope, evaluate(s.iterable(), scope), 0);
      case Stmt.Break s -> {
        return Flow.BREAK;
      }
      case Stmt.Continue s -> {
        return Flow.CONTINUE;
      }
      case Stmt.Set s -> assign(s.target(), evaluate(s.value(), scope), scope);
      case Stmt.SetBlock s -> assign(s.target(), filtered(s.filters(), s.body(), scope), scope);
      case Stmt.FilterBlock s -> print(Printer.str(meter, filtered(s.filters(), s.body(), scope)));
      case Stmt.With s -> {
        Scope inner = new Scope(scope);
        for (int i = 0; i < s.targets().size(); i++) {
          assign(s.targets().get(i), evaluate(s.values().get(i), scope), inner);
        }
        return run(s.body(), inner);
      }
      case Stmt.Block s -> run(s.body(), new Scope(scope));
      case Stmt.Macro s -> scope.set(s.name(), new Macro(s, scope, this));
      case Stmt.CallBlock s -> print(Printer.str(meter, callBlock(s, scope)));
    }
    return Flow.NEXT;
  }

  private void print(String text) {
    meter.append(out, text.length());
    out.append(text);
  }

  private List<Stmt> chosen(Stmt.If statement, Scope scope) {
    for (Stmt.Branch branch : statement.branches()) {
      if (isTrue(branch.test(), scope)) {
        return branch.body();
      }
    }
    return statement.otherwise();
  }

  private Value filtered(List<Expr.Apply> filters, List<Stmt> body, Scope scope) {
    Value text = Value.of(render(body, new Scope(scope)));
    for (Expr.Apply filter : filters) {
      text = filter(filter, text, scope);
    }
    return text;
  }

  private void loop(Stmt.For statement, Scope scope, Value iterable, int depth) {
    Iterator<Value> items = Iteration.iterate(meter, iterable);
    int length = Iteration.length(meter, iterable);
    Expr test = statement.test();
    if (test != null) {
      // Tested lazily: the body may change variables that the test reads.
      items =
          Iteration.map(items, item -> passes(statement.target(), item, test, scope) ? item : null);
      length = -1;
    }
    Loop loop = new Loop(this, statement, scope, items, length, depth);
    Flow flow = Flow.NEXT;
    boolean completed = false;
    while (flow != Flow.BREAK && loop.advance()) {
      meter.step();
      Scope inner = new Scope(scope);
      assign(statement.target(), loop.current(), inner);
      inner.set("loop", loop);
      flow = run(statement.body(), inner);
      completed |= flow == Flow.NEXT;
    }
    // As in Jinja, an iteration that ends with break or continue does not count.
    if (!completed) {
      run(statement.otherwise(), new Scope(scope));
    }
  }

  private boolean passes(Stmt.Target target, Value item, Expr test, Scope scope) {
    Scope inner = new Scope(scope);
    assign(target, item, inner);
    return isTrue(test, inner);
  }

  /** Renders one level of a recursive loop and returns its output. */
  String render(Stmt.For statement, Scope scope, Value iterable, int depth) {
    return capture(() -> loop(statement, scope, iterable, depth));
  }

  private void assign(Stmt.Target target, Value value, Scope scope) {
    switch (target) {
      case Stmt.NameTarget t -> scope.set(t.name(), value);
      case Stmt.AttributeTarget t -> {
        if (!(scope.find(t.namespace()) instanceof Value.Namespace namespace)) {
          throw Fault.failed(
              "'" + t.namespace() + "' is not a namespace, so '" + t.name() + "' cannot be set");
        }
        namespace.set(t.name(), value);
      }
      case Stmt.TupleTarget t -> {
        List<Value> values = Iteration.items(meter, value);
        if (values.size() != t.parts().size()) {
          throw Fault.failed(
              "cannot unpack " + values.size() + " values into " + t.parts().size() + " variables");
        }
        for (int i = 0; i < values.size(); i++) {
          assign(t.parts().get(i), values.get(i), scope);
        }
      }
    }
  }

  private Value callBlock(Stmt.CallBlock block, Scope scope) {
    Expr.Call call = block.call();
    Value callee = evaluate(call.callee(), scope);
    Arguments arguments = arguments(call.arguments(), scope);
    Map<String, Value> named = new LinkedHashMap<>(arguments.named());
    named.put("caller", new Macro(block.caller(), scope, this));
    return call(callee, new Arguments(arguments.positional(), named));
  }
}
