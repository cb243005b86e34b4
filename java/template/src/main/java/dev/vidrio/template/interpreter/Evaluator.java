package dev.vidrio.template.interpreter;

import dev.vidrio.template.builtin.Filters;
import dev.vidrio.template.builtin.Tests;
import dev.vidrio.template.operation.Arithmetic;
import dev.vidrio.template.operation.Attributes;
import dev.vidrio.template.operation.Comparison;
import dev.vidrio.template.operation.Iteration;
import dev.vidrio.template.operation.NumberArithmetic;
import dev.vidrio.template.syntax.Expr;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Value;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Evaluates expressions. */
class Evaluator {

  final Meter meter;

  Evaluator(Meter meter) {
    this.meter = meter;
  }

  Value evaluate(Expr expression, Scope scope) {
    int outer = meter.enter(expression.line());
    Value value =
        switch (expression) {
          case Expr.Literal e -> e.value();
          case Expr.Name e -> variable(e.name(), scope);
          case Expr.ListOf e -> Value.list(evaluateAll(e.items(), scope));
          case Expr.TupleOf e -> Value.tuple(evaluateAll(e.items(), scope));
          case Expr.DictOf e -> dict(e, scope);
          case Expr.Not e -> Value.of(!isTrue(e.operand(), scope));
          case Expr.Sign e -> sign(e, evaluate(e.operand(), scope));
          case Expr.Binary e -> {
            Value left = evaluate(e.left(), scope);
            yield switch (e.operator()) {
              case AND -> Value.truth(left) ? evaluate(e.right(), scope) : left;
              case OR -> Value.truth(left) ? left : evaluate(e.right(), scope);
              default -> Arithmetic.compute(meter, e.operator(), left, evaluate(e.right(), scope));
            };
          }
          case Expr.Compare e -> compare(e, scope);
          case Expr.Concat e -> concat(e, scope);
          case Expr.Conditional e -> conditional(e, scope);
          case Expr.Attribute e -> Attributes.attribute(evaluate(e.owner(), scope), e.name());
          case Expr.Item e ->
              Attributes.item(meter, evaluate(e.owner(), scope), evaluate(e.key(), scope));
          case Expr.Slice e ->
              Attributes.slice(
                  meter,
                  evaluate(e.owner(), scope),
                  orNone(e.start(), scope),
                  orNone(e.stop(), scope),
                  orNone(e.step(), scope));
          case Expr.Call e -> call(evaluate(e.callee(), scope), arguments(e.arguments(), scope));
          case Expr.Filter e -> filter(e.filter(), evaluate(e.input(), scope), scope);
          case Expr.Test e -> {
            Value input = evaluate(e.input(), scope);
            Arguments arguments = arguments(e.test().arguments(), scope);
            yield Tests.ALL.call(meter, e.test().name(), input, arguments);
          }
        };
    meter.leave(outer);
    return value;
  }

  boolean isTrue(Expr expression, Scope scope) {
    return Value.truth(evaluate(expression, scope));
  }

  private static Value variable(String name, Scope scope) {
    Value value = scope.find(name);
    return value == null ? new Value.Undefined("'" + name + "' is undefined") : value;
  }

  private List<Value> evaluateAll(List<Expr> expressions, Scope scope) {
    List<Value> values = new ArrayList<>(expressions.size());
    for (Expr expression : expressions) {
      values.add(evaluate(expression, scope));
    }
    return values;
  }

  private Value dict(Expr.DictOf dict, Scope scope) {
    LinkedHashMap<Value, Value> entries = new LinkedHashMap<>();
    for (Expr.Pair pair : dict.pairs()) {
      Value key = Value.key(evaluate(pair.key(), scope));
      entries.put(key, evaluate(pair.value(), scope));
    }
    return Value.map(entries);
  }

  private static Value sign(Expr.Sign sign, Value operand) {
    if (!(operand instanceof Value.Numeric number)) {
      throw Fault.of(operand, "has no sign");
    }
    return sign.negative() ? NumberArithmetic.negate(number) : NumberArithmetic.plus(number);
  }

  private Value compare(Expr.Compare compare, Scope scope) {
    Value left = evaluate(compare.first(), scope);
    for (Expr.Comparand comparand : compare.rest()) {
      Value right = evaluate(comparand.right(), scope);
      if (!Comparison.compare(meter, comparand.operator(), left, right)) {
        return Value.FALSE;
      }
      left = right;
    }
    return Value.TRUE;
  }

  private Value concat(Expr.Concat concat, Scope scope) {
    StringBuilder out = new StringBuilder();
    for (Expr part : concat.parts()) {
      String text = Printer.str(meter, evaluate(part, scope));
      meter.append(out, text.length());
      out.append(text);
    }
    return Value.of(out.toString());
  }

  private Value conditional(Expr.Conditional e, Scope scope) {
    Expr chosen = isTrue(e.test(), scope) ? e.then() : e.otherwise();
    return chosen == null
        ? new Value.Undefined("the condition is false and there is no 'else'")
        : evaluate(chosen, scope);
  }

  private Value orNone(@Nullable Expr expression, Scope scope) {
    return expression == null ? Value.NONE : evaluate(expression, scope);
  }

  Arguments arguments(Expr.CallArguments written, Scope scope) {
    List<Value> positional = evaluateAll(written.positional(), scope);
    Map<String, Value> named =
        written.named().isEmpty() && written.moreNamed() == null ? Map.of() : new LinkedHashMap<>();
    written.named().forEach((name, value) -> named.put(name, evaluate(value, scope)));
    if (written.more() != null) {
      positional.addAll(Iteration.items(meter, evaluate(written.more(), scope)));
    }
    if (written.moreNamed() != null) {
      addNamed(named, evaluate(written.moreNamed(), scope));
    }
    return new Arguments(positional, named);
  }

  private static void addNamed(Map<String, Value> named, Value more) {
    if (!(more instanceof Value.Mapping(var entries, int depth))) {
      throw Fault.mismatch("'**' requires a dict", more);
    }
    entries.forEach(
        (key, value) -> {
          if (!(key instanceof Value.Text(String name, boolean markup))) {
            throw Fault.failed("argument names must be strings");
          }
          if (named.put(name, value) != null) {
            throw Fault.failed("argument '" + name + "' is given twice");
          }
        });
  }

  Value call(Value callee, Arguments arguments) {
    if (callee instanceof Value.Callable callable) {
      return callable.call(meter, arguments);
    }
    throw Fault.of(callee, "cannot be called");
  }

  Value filter(Expr.Apply filter, Value input, Scope scope) {
    int outer = meter.enter(filter.line());
    Arguments arguments = arguments(filter.arguments(), scope);
    Value value = Filters.ALL.call(meter, filter.name(), input, arguments);
    meter.leave(outer);
    return value;
  }
}
