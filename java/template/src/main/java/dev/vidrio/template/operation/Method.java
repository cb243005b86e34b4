package dev.vidrio.template.operation;

import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Value;

/** A bound method of a string, list or dict. */
record Method(Value self, String name) implements Value.Callable {

  @Override
  public String type() {
    return "method";
  }

  @Override
  public String repr() {
    return "<method " + name + ">";
  }

  @Override
  public Value call(Meter meter, Arguments arguments) {
    return self instanceof Value.Text text
        ? StringMethods.call(meter, text, name, arguments)
        : CollectionMethods.call(meter, self, name, arguments);
  }
}
