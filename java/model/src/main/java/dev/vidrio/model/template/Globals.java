package dev.vidrio.model.template;

import java.time.ZonedDateTime;
import java.util.Map;
import java.util.Set;

/** The functions that every template can call. */
final class Globals {

  /** Functions that Jinja has and no chat template needs; calling one says so. */
  private static final Set<String> UNSUPPORTED = Set.of("cycler", "joiner", "lipsum");

  static final Set<String> NAMES =
      Set.of(
          "range",
          "dict",
          "namespace",
          "raise_exception",
          "strftime_now",
          "cycler",
          "joiner",
          "lipsum");

  private Globals() {}

  /** Returns a scope with the functions; {@code now} is the time that they tell. */
  static Scope scope(ZonedDateTime now) {
    Scope scope = new Scope(null);
    add(scope, "range", (evaluator, arguments) -> range(arguments));
    add(scope, "dict", CollectionMethods::makeDict);
    add(scope, "namespace", Globals::namespace);
    add(scope, "raise_exception", Globals::raise);
    add(
        scope,
        "strftime_now",
        (evaluator, arguments) -> {
          String format = arguments.bind("strftime_now()", "format").requiredText(0);
          evaluator.meter().text(16L * format.length());
          return Value.of(Strftime.format(format, now));
        });
    for (String name : UNSUPPORTED) {
      add(
          scope,
          name,
          (evaluator, arguments) -> {
            throw Fault.unsupported("function '" + name + "'");
          });
    }
    return scope;
  }

  private static void add(Scope scope, String name, Value.Builtin body) {
    scope.set(name, new Value.Function(name, body));
  }

  private static Value range(Arguments arguments) {
    var bound = arguments.bind("range()", "start", "stop", "step");
    bound.required(0);
    long first = bound.integer(0, 0);
    return bound.get(1) == null
        ? Range.of(0, first, 1)
        : Range.of(first, bound.integer(1, 0), bound.integer(2, 1));
  }

  private static Value namespace(Evaluator evaluator, Arguments arguments) {
    Value.Namespace namespace = new Value.Namespace();
    Value.Mapping attributes = (Value.Mapping) CollectionMethods.makeDict(evaluator, arguments);
    for (Map.Entry<Value, Value> entry : attributes.entries().entrySet()) {
      namespace.set(evaluator.printer().str(entry.getKey()), entry.getValue());
    }
    return namespace;
  }

  private static Value raise(Evaluator evaluator, Arguments arguments) {
    Value message = arguments.bind("raise_exception()", "message").required(0);
    throw Fault.raised(evaluator.printer().str(message));
  }
}
