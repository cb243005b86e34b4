package dev.vidrio.template.call;

import dev.vidrio.template.call.Part.Variable;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** Reads one parameter of a call by the format's pattern. */
final class ParameterReader {
  /** Surrounds text that contains markup. */
  private static final String DATA_OPEN = "<![CDATA[";

  private static final String DATA_CLOSE = "]]>";

  /** The types of values that are literal text. */
  private static final Set<String> TEXTS = Set.of("true", "string");

  private static final Part KEY = new Part.Slot(Variable.KEY);

  private final CallCursor cursor;
  private final List<Part> parts;
  private final ParameterTypes tools;
  private final String function;
  private int part;
  private String key = "";
  private @Nullable String type;
  private boolean isBegun;
  private boolean isText;
  private int searched;

  ParameterReader(CallCursor cursor, List<Part> parts, ParameterTypes tools, String function) {
    this.cursor = cursor;
    this.parts = parts;
    this.tools = tools;
    this.function = function;
  }

  /** Reads everything before the value. */
  Step open() {
    for (; part < parts.size(); part++) {
      Step step =
          switch (parts.get(part)) {
            case Part.Text(String text) -> text(text);
            case Part.Slot(Variable variable) -> {
              if (variable == Variable.VALUE) {
                isText = type == null ? tools.isString(function, key) : TEXTS.contains(type);
                searched = cursor.at;
                yield Step.DONE;
              }
              yield word(variable);
            }
            case Part.Members _ -> Step.FAIL;
          };
      if (step != Step.DONE) {
        return step;
      }
      if (parts.get(part).equals(new Part.Slot(Variable.VALUE))) {
        return Step.DONE;
      }
    }
    return Step.FAIL;
  }

  private Step text(String text) {
    Step step = cursor.literal(text);
    boolean isBeforeValue = parts.get(part + 1).equals(new Part.Slot(Variable.VALUE));
    return step == Step.DONE && isBeforeValue ? cursor.trailingSpace(text) : step;
  }

  private Step word(Variable variable) {
    String end = parts.get(part + 1) instanceof Part.Text(String text) ? text : "";
    Step step = cursor.until(end.strip().split("\\s+", -1)[0]);
    if (step == Step.DONE && variable == Variable.KEY) {
      key = cursor.word();
      return key.matches("[^<>\\n]+") ? step : Step.FAIL;
    }
    type = step == Step.DONE ? cursor.word() : null;
    return step;
  }

  /** Returns the text after the value, with the parameter's name in it. */
  private String close() {
    StringBuilder close = new StringBuilder();
    for (Part each : parts.subList(part + 1, parts.size())) {
      close.append(each instanceof Part.Text(String text) ? text : key);
    }
    return close.toString();
  }

  /** Reads the value and the text after it. */
  Step read(ReadCall call) {
    if (!isBegun) {
      call.addKey(key);
      call.add(isText ? "\"" : "");
      isBegun = true;
    }
    String whole = close();
    String core = whole.strip().split("\\s+", -1)[0];
    String space = whole.substring(0, whole.length() - whole.stripLeading().length());
    int from = cursor.at;
    boolean isData = cursor.isAt(DATA_OPEN);
    if (isData) {
      core = DATA_CLOSE + core;
    } else if (cursor.text.length() - from < DATA_OPEN.length()
        && DATA_OPEN.startsWith(cursor.text.substring(from))) {
      return cursor.more();
    }
    int end = cursor.text.indexOf(core, Math.max(from, searched - core.length()));
    searched = cursor.text.length();
    if (end < 0) {
      if (isText && !isData) {
        int free = free(core, space);
        call.addText(cursor.text.substring(from, Math.max(from, free)));
        cursor.at = Math.max(from, free);
      }
      return cursor.more();
    }
    cursor.reach(end);
    int begin = isData ? from + DATA_OPEN.length() : from;
    boolean isSpaced =
        end - space.length() >= begin
            && !space.isEmpty()
            && cursor.text.substring(end - space.length(), end).equals(space);
    String value = cursor.text.substring(begin, isSpaced ? end - space.length() : end);
    if (isText) {
      call.addText(value);
      call.add("\"");
    } else {
      call.add(json(value(value)));
    }
    cursor.at = end;
    return isData
        ? cursor.literal(DATA_CLOSE + whole.strip())
        : cursor.literal(whole.strip()) == Step.DONE ? Step.DONE : Step.FAIL;
  }

  private @Nullable Object value(String value) {
    if (type != null) {
      return parsed(value);
    }
    // A format with the key in its closing text writes lists and objects as nested elements.
    boolean isElement = parts.indexOf(KEY) < parts.lastIndexOf(KEY);
    return isElement && parts.getFirst() instanceof Part.Text(String mark)
        ? Elements.value(value, mark, tools.schema(function, key))
        : tools.value(function, key, value);
  }

  private static @Nullable Object parsed(String value) {
    try {
      return ParameterTypes.parse(value);
    } catch (IllegalArgumentException e) {
      return value;
    }
  }

  /** Returns the end of the text that is certainly part of the value. */
  private int free(String core, String space) {
    String close = space + core;
    int length = cursor.text.length();
    for (int n = Math.min(close.length() - 1, length - cursor.at); n > 0; n--) {
      String end = cursor.text.substring(length - n);
      if (close.startsWith(end) || core.startsWith(end)) {
        // The white space before a partial mark may belong to it.
        int at = length - n;
        boolean isSpaced =
            core.startsWith(end)
                && at >= space.length()
                && cursor.text.substring(at - space.length(), at).equals(space);
        return isSpaced ? at - space.length() : at;
      }
    }
    return Character.isHighSurrogate(length > 0 ? cursor.text.charAt(length - 1) : 'a')
        ? length - 1
        : length;
  }

  static String json(@Nullable Object value) {
    return JsonMapper.shared().writeValueAsString(value);
  }
}
