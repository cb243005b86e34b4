package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.CollectionMethods;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Range;
import dev.vidrio.template.value.Value;
import java.time.ZonedDateTime;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** The global functions of templates. */
public final class Globals {

  /** Jinja's functions that no known chat template uses; calling one is an error. */
  private static final Set<String> UNSUPPORTED = Set.of("cycler", "joiner", "lipsum");

  /** The names of all global functions. */
  public static final Set<String> NAMES =
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

  /** Returns the functions by name; {@code now} is the time of {@code strftime_now}. */
  public static Map<String, Value> functions(ZonedDateTime now) {
    Map<String, Value> functions = new HashMap<>();
    add(functions, "range", (meter, arguments) -> range(arguments));
    add(functions, "dict", CollectionMethods::makeDict);
    add(functions, "namespace", Globals::namespace);
    add(functions, "raise_exception", Globals::raise);
    add(
        functions,
        "strftime_now",
        (meter, arguments) -> {
          String format = arguments.bind("strftime_now()", "format").requiredText(0);
          meter.text(16L * format.length());
          return Value.of(Strftime.format(format, now));
        });
    for (String name : UNSUPPORTED) {
      add(
          functions,
          name,
          (meter, arguments) -> {
            throw Fault.unsupported("function '" + name + "'");
          });
    }
    return functions;
  }

  private static void add(Map<String, Value> functions, String name, Function.Body body) {
    functions.put(name, new Function(name, body));
  }

  private static Value range(Arguments arguments) {
    var bound = arguments.bind("range()", "start", "stop", "step");
    bound.required(0);
    long first = bound.integer(0, 0);
    return bound.get(1) == null
        ? Range.of(0, first, 1)
        : Range.of(first, bound.integer(1, 0), bound.integer(2, 1));
  }

  private static Value namespace(Meter meter, Arguments arguments) {
    Value.Namespace namespace = new Value.Namespace();
    Value.Mapping attributes = (Value.Mapping) CollectionMethods.makeDict(meter, arguments);
    for (Map.Entry<Value, Value> entry : attributes.entries().entrySet()) {
      namespace.set(Printer.str(meter, entry.getKey()), entry.getValue());
    }
    return namespace;
  }

  private static Value raise(Meter meter, Arguments arguments) {
    Value message = arguments.bind("raise_exception()", "message").required(0);
    throw Fault.raised(Printer.str(meter, message));
  }
}
