package dev.vidrio.template.builtin;

import dev.vidrio.template.operation.Comparison;
import dev.vidrio.template.value.Arguments;
import dev.vidrio.template.value.Fault;
import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Printer;
import dev.vidrio.template.value.Value;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Prints values as Python's {@code json.dumps} does. */
final class JsonPrinter {

  private final Meter meter;
  private final boolean ascii;
  private final @Nullable String indent;
  private final String itemSeparator;
  private final String keySeparator;
  private final boolean sortKeys;
  private final StringBuilder out = new StringBuilder();

  private JsonPrinter(
      Meter meter,
      boolean ascii,
      @Nullable String indent,
      String itemSeparator,
      String keySeparator,
      boolean sortKeys) {
    this.meter = meter;
    this.ascii = ascii;
    this.indent = indent;
    this.itemSeparator = itemSeparator;
    this.keySeparator = keySeparator;
    this.sortKeys = sortKeys;
  }

  /** Implements the filter {@code tojson} with the parameters of Hugging Face transformers. */
  static Value filter(Meter meter, Value input, Arguments arguments) {
    var bound =
        arguments.bind("filter 'tojson'", "ensure_ascii", "indent", "separators", "sort_keys");
    String indent =
        switch (bound.or(1, Value.NONE)) {
          case Value.None n -> null;
          case Value.Text t -> t.value();
          default -> {
            long width = Math.max(0, bound.integer(1, 0));
            meter.text(width);
            yield " ".repeat((int) width);
          }
        };
    String items = indent == null ? ", " : ",";
    String keys = ": ";
    Value separators = bound.or(2, Value.NONE);
    if (separators instanceof Value.Sequence(var shape, List<Value> pair, int depth)
        && pair.size() == 2
        && pair.get(0) instanceof Value.Text(String item, boolean m1)
        && pair.get(1) instanceof Value.Text(String key, boolean m2)) {
      items = item;
      keys = key;
    } else if (!(separators instanceof Value.None)) {
      throw Fault.failed("filter 'tojson' requires two strings as 'separators'");
    }
    JsonPrinter json =
        new JsonPrinter(meter, bound.truth(0, false), indent, items, keys, bound.truth(3, false));
    json.write(input, 0);
    return Value.of(json.out.toString());
  }

  private void write(Value value, int level) {
    meter.step();
    meter.append(out, 0);
    switch (value) {
      case Value.None n -> out.append("null");
      case Value.Bool b -> out.append(b.value());
      case Value.Int i -> {
        meter.number(i);
        out.append(i.value());
      }
      case Value.Real r -> {
        meter.number(r);
        out.append(real(r.value()));
      }
      case Value.Text t -> string(t.value());
      case Value.Sequence s when isArray(s) -> array(s.items(), level);
      case Value.Mapping m -> object(m, level);
      case Value.Undefined(String reason) -> throw Fault.failed(reason);
      default ->
          throw Fault.failed(
              "a value of type '" + Value.type(value) + "' cannot be written as JSON");
    }
  }

  private static boolean isArray(Value.Sequence sequence) {
    return sequence.shape() == Value.Shape.LIST || sequence.shape() == Value.Shape.TUPLE;
  }

  private static String real(double value) {
    if (Double.isNaN(value)) {
      return "NaN";
    }
    if (Double.isInfinite(value)) {
      return value < 0 ? "-Infinity" : "Infinity";
    }
    return Printer.real(value);
  }

  private void array(List<Value> items, int level) {
    if (items.isEmpty()) {
      out.append("[]");
      return;
    }
    out.append('[');
    for (Iterator<Value> i = items.iterator(); i.hasNext(); ) {
      newLine(level + 1);
      write(i.next(), level + 1);
      out.append(i.hasNext() ? itemSeparator : "");
    }
    newLine(level);
    out.append(']');
  }

  private void object(Value.Mapping mapping, int level) {
    if (mapping.entries().isEmpty()) {
      out.append("{}");
      return;
    }
    List<Map.Entry<Value, Value>> entries = new ArrayList<>(mapping.entries().entrySet());
    if (sortKeys) {
      entries.sort((a, b) -> Comparison.order(meter, a.getKey(), b.getKey()));
    }
    out.append('{');
    for (Iterator<Map.Entry<Value, Value>> i = entries.iterator(); i.hasNext(); ) {
      Map.Entry<Value, Value> entry = i.next();
      newLine(level + 1);
      key(entry.getKey());
      out.append(keySeparator);
      write(entry.getValue(), level + 1);
      out.append(i.hasNext() ? itemSeparator : "");
    }
    newLine(level);
    out.append('}');
  }

  private void key(Value key) {
    if (key instanceof Value.Text(String text, boolean markup)) {
      string(text);
      return;
    }
    out.append('"');
    write(key, 0);
    out.append('"');
  }

  private void newLine(int level) {
    if (indent != null) {
      meter.append(out, (long) indent.length() * level);
      out.append('\n').repeat(indent, level);
    }
  }

  private void string(String s) {
    meter.append(out, s.length());
    out.append('"');
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\f' -> out.append("\\f");
        case '\b' -> out.append("\\b");
        default -> {
          if (c < 0x20 || (ascii && c > 0x7e)) {
            out.append(String.format("\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
