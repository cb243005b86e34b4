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
import java.util.function.Consumer;
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

  private JsonPrinter(Meter meter, Arguments arguments) {
    this.meter = meter;
    ascii = arguments.isTrue("ensure_ascii");
    sortKeys = arguments.isTrue("sort_keys");
    indent =
        arguments.isNone("indent") ? null : TextFilters.indentation(meter, arguments, "indent", 0);
    Value separators = arguments.or("separators", Value.NONE);
    if (separators instanceof Value.Sequence(var shape, List<Value> pair, int depth)
        && pair.size() == 2
        && pair.get(0) instanceof Value.Text(String item, boolean m1)
        && pair.get(1) instanceof Value.Text(String key, boolean m2)) {
      itemSeparator = item;
      keySeparator = key;
    } else if (separators instanceof Value.None) {
      itemSeparator = indent == null ? ", " : ",";
      keySeparator = ": ";
    } else {
      throw Fault.failed("filter 'tojson' requires two strings as 'separators'");
    }
  }

  /** Implements the filter {@code tojson} with the parameters of Hugging Face transformers. */
  static Value filter(Meter meter, Value input, Arguments arguments) {
    JsonPrinter json = new JsonPrinter(meter, arguments);
    json.write(input, 0);
    return Value.of(json.out.toString());
  }

  private void write(Value value, int level) {
    meter.step();
    meter.append(out, 0);
    switch (value) {
      case Value.None n -> out.append("null");
      case Value.Bool b -> out.append(b.value());
      case Value.Numeric n -> {
        meter.number(n);
        out.append(Double.isFinite(n.real()) ? Printer.repr(meter, n) : Double.toString(n.real()));
      }
      case Value.Text t -> string(t.value());
      case Value.Sequence s when s.shape().isListOrTuple() ->
          list('[', s.items(), item -> write(item, level + 1), ']', level);
      case Value.Mapping m -> object(m, level);
      default -> throw Fault.of(value, "cannot be written as JSON");
    }
  }

  private void object(Value.Mapping mapping, int level) {
    List<Map.Entry<Value, Value>> entries = new ArrayList<>(mapping.entries().entrySet());
    if (sortKeys) {
      entries.sort((a, b) -> Comparison.order(meter, a.getKey(), b.getKey()));
    }
    list(
        '{',
        entries,
        entry -> {
          key(entry.getKey());
          out.append(keySeparator);
          write(entry.getValue(), level + 1);
        },
        '}',
        level);
  }

  private <T> void list(char open, List<T> items, Consumer<T> writer, char close, int level) {
    out.append(open);
    for (Iterator<T> i = items.iterator(); i.hasNext(); ) {
      newLine(level + 1);
      writer.accept(i.next());
      out.append(i.hasNext() ? itemSeparator : "");
    }
    if (!items.isEmpty()) {
      newLine(level);
    }
    out.append(close);
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
