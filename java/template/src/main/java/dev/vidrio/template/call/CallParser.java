package dev.vidrio.template.call;

import dev.vidrio.template.call.Part.Variable;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads one call by its pattern. */
final class CallParser {
  private final CallCursor cursor;
  private final ToolCallFormat format;
  private final ParameterTypes tools;
  private final List<Part> parts;
  private final boolean isMarked;

  private int part;
  private String name = "";
  private @Nullable String id;
  private @Nullable ReadCall call;
  private @Nullable ObjectReader object;
  private @Nullable JsonScanner scanner;
  private @Nullable ParameterReader parameter;
  private int copied;
  private boolean isInValue;
  private @Nullable PythonScanner argument;
  private boolean isQuoted;

  CallParser(CallCursor cursor, ToolCallFormat format, ParameterTypes tools, boolean isMarked) {
    this.cursor = cursor;
    this.format = format;
    this.tools = tools;
    this.parts = format.call();
    this.isMarked = isMarked || parts.getFirst() instanceof Part.Text;
  }

  /** Returns the call, once its name is known. */
  Optional<ReadCall> call() {
    return object == null || call != null ? Optional.ofNullable(call) : object.call();
  }

  /** Returns whether the tool's name was read. */
  boolean isNamed() {
    return object == null ? !name.isEmpty() : object.isNamed();
  }

  /** Continues to read the call. */
  Step read() {
    while (part < parts.size()) {
      Step step =
          switch (parts.get(part)) {
            case Part.Text(String text) -> text(text);
            case Part.Members members -> members(members);
            case Part.Slot(Variable variable) -> slot(variable);
          };
      if (step != Step.DONE) {
        return step;
      }
      part++;
    }
    return call != null && call.isComplete() ? Step.DONE : Step.FAIL;
  }

  private Step text(String text) {
    if (part == 0) {
      return first(text);
    }
    Step step = cursor.literal(text);
    return step == Step.FAIL && call != null && call.isComplete() ? closing(text) : step;
  }

  /** Reads a call's first text, or only its last word. */
  private Step first(String text) {
    Step step = cursor.literal(text);
    return step == Step.FAIL ? cursor.literal(ToolCallFormat.lastWord(text)) : step;
  }

  /** Reads the text that closes a complete call. Models may omit words of this text. */
  private Step closing(String text) {
    String last = ToolCallFormat.lastWord(text);
    Step step = last.equals(text.strip()) ? Step.FAIL : cursor.literal(last);
    if (step == Step.FAIL) {
      var _ = cursor.takeBeginningOf(text);
      return Step.DONE;
    }
    return step;
  }

  private Step members(Part.Members members) {
    if (object == null) {
      object = new ObjectReader(cursor, tools, isMarked, members.isKeyed());
    }
    Step step = object.read();
    if (step == Step.DONE) {
      call = object.call().orElse(null);
    }
    return step;
  }

  private Step slot(Variable variable) {
    return switch (variable) {
      case NAME -> name();
      case ID -> {
        Step step = cursor.name();
        id = step == Step.DONE ? cursor.word() : id;
        if (step == Step.DONE && call != null) {
          call.setId(cursor.word());
        }
        yield step;
      }
      case INDEX -> index();
      case JSON -> json();
      case PYTHON -> python();
      case GEMMA -> gemma();
      case PARAMETERS -> parameters();
      case KEY, TYPE, VALUE -> throw new IllegalStateException(variable + " in a call");
    };
  }

  private Step name() {
    Step step = cursor.name();
    if (step == Step.MORE) {
      String begun = cursor.text.substring(cursor.at);
      return tools.mayContain(begun) ? step : Step.FAIL;
    }
    if (step == Step.DONE && tools.contains(cursor.word())) {
      name = cursor.word();
      return step;
    }
    return Step.FAIL;
  }

  /** Reads a number, which is part of the id of Kimi K2's calls. */
  private Step index() {
    Step step = cursor.name();
    if (step == Step.DONE
        && parts.getFirst() instanceof Part.Text(String text)
        && text.endsWith("functions.")) {
      id = "functions." + name + ":" + cursor.word();
    }
    return step;
  }

  private ReadCall begun() {
    if (call == null) {
      call = new ReadCall(name, id);
    }
    return call;
  }

  /** Returns the literal text after the arguments. */
  private String next() {
    return part + 1 < parts.size() && parts.get(part + 1) instanceof Part.Text(String text)
        ? text
        : "";
  }

  private Step json() {
    if (scanner == null) {
      if (!cursor.skipSpace()) {
        return cursor.more();
      }
      if (cursor.text.charAt(cursor.at) != '{') {
        // No arguments.
        int from = cursor.at;
        Step step = next().isEmpty() ? Step.FAIL : cursor.literal(next());
        cursor.at = from;
        return step == Step.DONE && begun().complete() ? Step.DONE : step;
      }
      scanner = new JsonScanner(cursor.at);
      copied = cursor.at;
    }
    boolean isEnded = scanner.scan(cursor.text);
    begun().addJson(cursor.text, copied, scanner.position());
    copied = scanner.position();
    if (!isEnded) {
      return cursor.more();
    }
    cursor.reach(copied);
    cursor.at = copied;
    return begun().complete() ? Step.DONE : Step.FAIL;
  }

  private Step python() {
    while (true) {
      if (!cursor.skipSpace()) {
        return cursor.more();
      }
      if (!isInValue) {
        if (cursor.text.charAt(cursor.at) == ')') {
          return finishArguments();
        }
        Step key = pythonKey();
        if (key != Step.DONE) {
          return key;
        }
      }
      if (argument == null) {
        argument = new PythonScanner(cursor.at);
      }
      int end = argument.end(cursor.text);
      if (end < 0) {
        return cursor.more();
      }
      cursor.reach(end);
      try {
        Object value = PythonLiteral.parse(cursor.text.substring(cursor.at, end));
        begun().add(ParameterReader.json(value));
      } catch (IllegalArgumentException e) {
        return Step.FAIL;
      }
      cursor.at = end;
      argument = null;
      isInValue = false;
    }
  }

  /** Reads the name of an argument and the sign after it. */
  private Step pythonKey() {
    int from = cursor.at;
    if (cursor.text.charAt(cursor.at) == ',') {
      cursor.at++;
    }
    Step step = cursor.name();
    String key = cursor.word();
    step = step == Step.DONE ? cursor.literal("=") : step;
    if (step == Step.DONE) {
      begun().addKey(key);
      isInValue = true;
    } else {
      cursor.at = from;
    }
    return step;
  }

  /** Closes the arguments that were added by key. */
  private Step finishArguments() {
    begun().add(begun().arguments().isEmpty() ? "{}" : "}");
    return begun().complete() ? Step.DONE : Step.FAIL;
  }

  private Step gemma() {
    if (!cursor.skipSpace()) {
      return cursor.more();
    }
    if (cursor.text.charAt(cursor.at) != '{') {
      return Step.FAIL;
    }
    int end = Math.max(cursor.at, copied);
    int length = cursor.text.length();
    int close = -1;
    while (true) {
      int quote = cursor.text.indexOf(ToolCallFormat.GEMMA_QUOTE, end);
      if (!isQuoted && close < end) {
        int found = cursor.text.indexOf(next(), end);
        close = found < 0 ? length : found;
      }
      if (!isQuoted && close < length && (quote < 0 || close < quote)) {
        end = close;
        break;
      }
      if (quote < 0) {
        if (!cursor.isEnded || isQuoted) {
          // A mark may have begun.
          copied = Math.max(end, length - next().length());
          return cursor.more();
        }
        end = length;
        break;
      }
      isQuoted = !isQuoted;
      end = quote + ToolCallFormat.GEMMA_QUOTE.length();
    }
    cursor.reach(end);
    begun().setArguments(GemmaArguments.toJson(cursor.text.substring(cursor.at, end)));
    cursor.at = end;
    return begun().arguments().isEmpty() || !begun().complete() ? Step.FAIL : Step.DONE;
  }

  private Step parameters() {
    while (true) {
      if (parameter == null) {
        int from = cursor.at;
        Step closed = cursor.literal(next());
        cursor.at = from;
        if (closed == Step.DONE) {
          return finishArguments();
        }
        ParameterReader next = new ParameterReader(cursor, format.parameter(), tools, name);
        Step step = next.open();
        if (step == Step.FAIL) {
          return afterParameters(closed);
        }
        if (step == Step.MORE) {
          cursor.at = from;
          return step;
        }
        parameter = next;
      }
      Step step = parameter.read(begun());
      if (step != Step.DONE) {
        return step;
      }
      parameter = null;
    }
  }

  /** Ends the parameters where the closing text is incomplete. */
  private Step afterParameters(Step closed) {
    int from = cursor.at;
    Step last = cursor.literal(ToolCallFormat.lastWord(next()));
    cursor.at = from;
    boolean isEnd = cursor.isEnded && !cursor.skipSpace();
    if (last == Step.DONE || isEnd) {
      return finishArguments();
    }
    return closed == Step.MORE || last == Step.MORE ? Step.MORE : Step.FAIL;
  }
}
