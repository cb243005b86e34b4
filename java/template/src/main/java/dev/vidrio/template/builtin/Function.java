package dev.vidrio.template.builtin;

import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;

/** A function that every template has, such as {@code range}, or one of a loop's. */
public record Function(String name, Body body) implements Value.Callable {

  /** What the function does. */
  @FunctionalInterface
  public interface Body {
    Value call(Meter meter, Arguments arguments);
  }

  @Override
  public String type() {
    return "function";
  }

  @Override
  public String repr() {
    return "<function " + name + ">";
  }

  @Override
  public Value call(Meter meter, Arguments arguments) {
    return body.call(meter, arguments);
  }
}
