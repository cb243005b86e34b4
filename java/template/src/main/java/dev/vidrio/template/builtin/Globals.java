package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.CollectionMethods;
import dev.vidrio.template.operation.Library;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Range;
import dev.vidrio.template.value.Value;
import java.time.ZonedDateTime;

/** The global functions of templates. */
public final class Globals {

  /** All functions by name; they apply to the time of the rendering. */
  public static final Library<ZonedDateTime> ALL = new Library<>("function");

  static {
    ALL.add("range", (m, now, a) -> range(a), "start", "stop", "step");
    ALL.add("dict", (m, now, a) -> CollectionMethods.makeDict(m, a), Library.ANY);
    ALL.add("namespace", (m, now, a) -> namespace(m, a), Library.ANY);
    ALL.add("raise_exception", (m, now, a) -> raise(m, a), "message");
    ALL.add("strftime_now", Globals::strftime, "format");
    // No known chat template uses these functions.
    ALL.addUnsupported("cycler", "joiner", "lipsum");
  }

  private Globals() {}

  private static Value range(Arguments arguments) {
    long first = arguments.integer("start");
    return arguments.named().containsKey("stop")
        ? Range.of(first, arguments.integer("stop"), arguments.integer("step", 1))
        : Range.of(0, first, 1);
  }

  private static Value namespace(Meter meter, Arguments arguments) {
    Value.Namespace namespace = new Value.Namespace();
    CollectionMethods.makeDict(meter, arguments)
        .entries()
        .forEach((key, value) -> namespace.set(Printer.str(meter, key), value));
    return namespace;
  }

  private static Value raise(Meter meter, Arguments arguments) {
    throw Fault.failed(Printer.str(meter, arguments.required("message")));
  }

  private static Value strftime(Meter meter, ZonedDateTime now, Arguments arguments) {
    String format = arguments.text("format");
    meter.text(16L * format.length());
    return Value.of(Strftime.format(format, now));
  }
}
