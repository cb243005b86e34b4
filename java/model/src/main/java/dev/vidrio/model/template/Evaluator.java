package dev.vidrio.model.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Evaluates expressions. */
final class Evaluator {

  private final Renderer renderer;
  private final Meter meter;
  private final Comparison comparison;
  private final Attributes attributes;
  private final Printer printer;

  Evaluator(Renderer renderer, Meter meter) {
    this.renderer = renderer;
    this.meter = meter;
    this.comparison = new Comparison(meter);
    this.attributes = new Attributes(meter);
    this.printer = new Printer(meter);
  }

  Meter meter() {
    return meter;
  }

  Comparison comparison() {
    return comparison;
  }

  Attributes attributes() {
    return attributes;
  }

  Printer printer() {
    return printer;
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
          case Expr.Arithmetic e ->
              Arithmetic.compute(
                  this, e.operator(), evaluate(e.left(), scope), evaluate(e.right(), scope));
          case Expr.And e -> {
            Value left = evaluate(e.left(), scope);
            yield Value.truth(left) ? evaluate(e.right(), scope) : left;
          }
          case Expr.Or e -> {
            Value left = evaluate(e.left(), scope);
            yield Value.truth(left) ? left : evaluate(e.right(), scope);
          }
          case Expr.Compare e -> compare(e, scope);
          case Expr.Concat e -> concat(e, scope);
          case Expr.Conditional e -> conditional(e, scope);
          case Expr.Attribute e -> attributes.attribute(evaluate(e.owner(), scope), e.name());
          case Expr.Item e -> attributes.item(evaluate(e.owner(), scope), evaluate(e.key(), scope));
          case Expr.Slice e ->
              attributes.slice(
                  evaluate(e.owner(), scope),
                  orNone(e.start(), scope),
                  orNone(e.stop(), scope),
                  orNone(e.step(), scope));
          case Expr.Call e -> call(evaluate(e.callee(), scope), arguments(e.arguments(), scope));
          case Expr.Filter e -> filter(e.filter(), evaluate(e.input(), scope), scope);
          case Expr.Test e ->
              Value.of(
                  test(
                      e.test().name(),
                      evaluate(e.input(), scope),
                      arguments(e.test().arguments(), scope)));
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
    if (operand instanceof Value.Undefined(String reason)) {
      throw Fault.failed(reason);
    }
    if (!Numbers.isNumber(operand)) {
      throw Fault.failed("a value of type '" + Value.type(operand) + "' has no sign");
    }
    return sign.negative() ? Numbers.negate(operand) : Numbers.plus(operand);
  }

  private Value compare(Expr.Compare compare, Scope scope) {
    Value left = evaluate(compare.first(), scope);
    for (Expr.Comparand comparand : compare.rest()) {
      Value right = evaluate(comparand.right(), scope);
      if (!comparison.compare(comparand.operator(), left, right)) {
        return Value.FALSE;
      }
      left = right;
    }
    return Value.TRUE;
  }

  private Value concat(Expr.Concat concat, Scope scope) {
    StringBuilder out = new StringBuilder();
    for (Expr part : concat.parts()) {
      String text = printer.str(evaluate(part, scope));
      meter.append(out, text.length());
      out.append(text);
    }
    return Value.of(out.toString());
  }

  private Value conditional(Expr.Conditional e, Scope scope) {
    if (isTrue(e.test(), scope)) {
      return evaluate(e.then(), scope);
    }
    return e.otherwise() == null
        ? new Value.Undefined("the condition is false and there is no 'else'")
        : evaluate(e.otherwise(), scope);
  }

  private Value orNone(@Nullable Expr expression, Scope scope) {
    return expression == null ? Value.NONE : evaluate(expression, scope);
  }

  Arguments arguments(Expr.CallArguments written, Scope scope) {
    List<Value> positional = evaluateAll(written.positional(), scope);
    Map<String, Value> named = new LinkedHashMap<>();
    for (Map.Entry<String, Expr> entry : written.named().entrySet()) {
      named.put(entry.getKey(), evaluate(entry.getValue(), scope));
    }
    if (written.more() != null) {
      positional.addAll(items(evaluate(written.more(), scope)));
    }
    if (written.moreNamed() != null) {
      addNamed(named, evaluate(written.moreNamed(), scope));
    }
    return new Arguments(positional, named);
  }

  private static void addNamed(Map<String, Value> named, Value more) {
    if (!(more instanceof Value.Mapping(var entries, int depth))) {
      throw Fault.failed("'**' wants a dict, not a value of type '" + Value.type(more) + "'");
    }
    entries.forEach(
        (key, value) -> {
          if (!(key instanceof Value.Text(String name, boolean markup))) {
            throw Fault.failed("the names of arguments must be strings");
          }
          if (named.put(name, value) != null) {
            throw Fault.failed("argument '" + name + "' is given twice");
          }
        });
  }

  Value call(Value callee, Arguments arguments) {
    return switch (callee) {
      case Value.Function f -> f.body().call(this, arguments);
      case Value.Macro m -> renderer.call(m, arguments);
      case Value.LoopVariable l -> renderer.recurse(l.loop(), arguments);
      case Value.Method(Value.Text self, String name) ->
          StringMethods.call(this, self, name, arguments);
      case Value.Method(Value self, String name) ->
          CollectionMethods.call(this, self, name, arguments);
      case Value.Undefined(String reason) -> throw Fault.failed(reason);
      default ->
          throw Fault.failed("a value of type '" + Value.type(callee) + "' cannot be called");
    };
  }

  Value filter(Expr.Apply filter, Value input, Scope scope) {
    int outer = meter.enter(filter.line());
    Value value = filter(filter.name(), input, arguments(filter.arguments(), scope));
    meter.leave(outer);
    return value;
  }

  Value filter(String name, Value input, Arguments arguments) {
    Filters.Filter filter = Filters.ALL.get(name);
    if (filter == null) {
      throw Fault.unsupported("filter '" + name + "'");
    }
    return filter.apply(this, input, arguments);
  }

  boolean test(String name, Value input, Arguments arguments) {
    Tests.Test test = Tests.ALL.get(name);
    if (test == null) {
      throw Fault.unsupported("test '" + name + "'");
    }
    return test.apply(this, input, arguments);
  }

  /** Iterates over a value as {@code for} does. */
  Iterator<Value> iterate(Value value) {
    return switch (value) {
      case Value.Cursor c -> c.items();
      case Value.Sequence s -> s.items().iterator();
      default -> items(value).iterator();
    };
  }

  /** Whether a value can be iterated. */
  static boolean isIterable(Value value) {
    return switch (value) {
      case Value.Sequence s -> true;
      case Value.Mapping m -> true;
      case Value.Text t -> true;
      case Value.Cursor c -> true;
      case Value.Undefined u -> true;
      default -> false;
    };
  }

  /** What iterating over a value gives; reads a {@link Value.Cursor} to its end. */
  List<Value> items(Value value) {
    return switch (value) {
      case Value.Sequence s -> {
        if (s.shape() == Value.Shape.RANGE) {
          meter.values(s.items().size());
        }
        meter.elements(s.items().size());
        yield s.items();
      }
      case Value.Mapping m -> {
        meter.elements(m.entries().size());
        yield List.copyOf(m.entries().keySet());
      }
      case Value.Text t -> {
        meter.values(t.value().length());
        yield t.value().codePoints().<Value>mapToObj(c -> Value.of(Character.toString(c))).toList();
      }
      case Value.Cursor c -> {
        List<Value> rest = new ArrayList<>();
        c.items().forEachRemaining(rest::add);
        yield rest;
      }
      case Value.Undefined u -> List.of();
      default ->
          throw Fault.failed("a value of type '" + Value.type(value) + "' cannot be iterated");
    };
  }

  /** The number of items, or -1 if only iterating tells. */
  int length(Value value) {
    return switch (value) {
      case Value.Sequence s -> s.items().size();
      case Value.Mapping m -> m.entries().size();
      case Value.Text t -> {
        meter.characters(t.value().length());
        yield Strings.length(t.value());
      }
      case Value.Undefined u -> 0;
      case Value.LoopVariable l -> l.loop().length();
      default -> -1;
    };
  }
}
