package dev.vidrio.template.builtin;

import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;

/** A built-in function, such as {@code range}, or a method of {@code loop}. */
public record Function(String name, Body body) implements Value.Callable {

  /** The implementation of a function. */
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
