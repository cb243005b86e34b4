package dev.vidrio.grammar;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.schema.SchemaJson;
import dev.vidrio.template.ReasoningMarkers;
import dev.vidrio.template.call.ToolCallFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Definitions of grammars as JSON, each an object with one field:
 *
 * <pre>{@code
 * {"json_schema": TEXT}   {"regex": TEXT}   {"ebnf": TEXT}   {"choice": [TEXT, …]}
 * {"tool_calls": {"format": NAME, "tools": TEXT, "several": BOOLEAN}}, {"answer_with_calls": …}
 * {"either": [DEFINITION, DEFINITION]}
 * {"after_reasoning": {"open": …, "close": …, …, "is_open": BOOLEAN, "content": DEFINITION}}
 * }</pre>
 */
final class GrammarDefinition {
  static final String SCHEMA = "json_schema";
  static final String REGEX = "regex";
  static final String EBNF = "ebnf";
  static final String CALLS = "tool_calls";
  static final String ANSWER = "answer_with_calls";
  private static final String CHOICE = "choice";
  private static final String EITHER = "either";
  private static final String AFTER_REASONING = "after_reasoning";

  private static final String FIELD = "grammar";
  private static final int MAX_DEPTH = 8;

  private GrammarDefinition() {}

  static Map<String, Object> ofText(String kind, String text) {
    return Map.of(kind, text);
  }

  static Map<String, Object> ofChoices(List<String> choices) {
    return Map.of(CHOICE, List.copyOf(choices));
  }

  /** Returns the definition of tool calls; the tools as text, so that numbers keep their digits. */
  static Map<String, Object> ofCalls(
      String kind,
      ToolCallFormat format,
      List<Map<String, @Nullable Object>> tools,
      boolean several) {
    Map<String, Object> calls = new LinkedHashMap<>();
    calls.put("format", format.name());
    calls.put("tools", SchemaJson.write(tools));
    calls.put("several", several);
    return Map.of(kind, calls);
  }

  static Map<String, Object> ofUnion(Grammar first, Grammar second) {
    return Map.of(EITHER, List.of(first.definition(), second.definition()));
  }

  static Map<String, Object> afterReasoning(
      ReasoningMarkers markers, boolean open, Grammar content) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("open", markers.open());
    fields.put("close", markers.close());
    fields.put("answer", markers.answer());
    fields.put("ends", markers.ends());
    fields.put("repeated", markers.repeated());
    fields.put("is_open", open);
    fields.put("content", content.definition());
    return Map.of(AFTER_REASONING, fields);
  }

  static Grammar read(Map<?, ?> definition, int depth) {
    if (depth > MAX_DEPTH) {
      throw new InvalidInputException(FIELD, "", "must have at most " + MAX_DEPTH + " levels");
    }
    if (definition.size() != 1) {
      throw new InvalidInputException(
          FIELD, definition.keySet(), "must have one field, the kind of grammar");
    }
    Map.Entry<?, ?> only = definition.entrySet().iterator().next();
    Object value = only.getValue();
    return switch (String.valueOf(only.getKey())) {
      case SCHEMA -> Grammar.jsonSchema(text(SCHEMA, value));
      case REGEX -> Grammar.regex(text(REGEX, value));
      case EBNF -> Grammar.ebnf(text(EBNF, value));
      case CHOICE -> Grammar.choice(texts(CHOICE, value));
      case CALLS -> {
        Map<?, ?> calls = object(CALLS, value);
        yield Grammar.toolCalls(format(calls), tools(calls), bool(calls, "several"));
      }
      case ANSWER -> {
        Map<?, ?> calls = object(ANSWER, value);
        yield Grammar.answerWithCalls(format(calls), tools(calls), bool(calls, "several"));
      }
      case EITHER -> {
        if (!(value instanceof List<?> both) || both.size() != 2) {
          throw wrong(EITHER, value, "must be an array of two grammars");
        }
        yield read(object(EITHER, both.getFirst()), depth + 1)
            .or(read(object(EITHER, both.getLast()), depth + 1));
      }
      case AFTER_REASONING -> {
        Map<?, ?> fields = object(AFTER_REASONING, value);
        Grammar content = read(object("content", fields.get("content")), depth + 1);
        yield content.afterReasoning(markers(fields), bool(fields, "is_open"));
      }
      default ->
          throw wrong(String.valueOf(only.getKey()), value, "is not a known kind of grammar");
    };
  }

  private static ReasoningMarkers markers(Map<?, ?> fields) {
    return new ReasoningMarkers(
        text("open", fields.get("open")),
        text("close", fields.get("close")),
        text("answer", fields.get("answer")),
        texts("ends", fields.get("ends")),
        List.of(),
        bool(fields, "repeated"));
  }

  private static ToolCallFormat format(Map<?, ?> calls) {
    String name = text("format", calls.get("format"));
    return Stream.concat(
            ToolCallFormat.known().stream(),
            Stream.of(ToolCallFormat.HARMONY, ToolCallFormat.OBJECT))
        .filter(format -> format.name().equals(name))
        .findFirst()
        .orElseThrow(() -> wrong("format", name, "is not a known format of tool calls"));
  }

  private static List<Map<String, @Nullable Object>> tools(Map<?, ?> calls) {
    return SchemaJson.parseObjects(FIELD + " tools", text("tools", calls.get("tools")));
  }

  private static String text(String name, @Nullable Object value) {
    if (value instanceof String text) {
      return text;
    }
    throw wrong(name, value, "must be a text");
  }

  private static List<String> texts(String name, @Nullable Object value) {
    if (value instanceof List<?> list && list.stream().allMatch(String.class::isInstance)) {
      return list.stream().map(String.class::cast).toList();
    }
    throw wrong(name, value, "must be an array of texts");
  }

  private static boolean bool(Map<?, ?> fields, String name) {
    if (fields.get(name) instanceof Boolean value) {
      return value;
    }
    throw wrong(name, fields.get(name), "must be true or false");
  }

  private static Map<?, ?> object(String name, @Nullable Object value) {
    if (value instanceof Map<?, ?> fields) {
      return fields;
    }
    throw wrong(name, value, "must be an object");
  }

  private static InvalidInputException wrong(String name, @Nullable Object value, String limit) {
    return new InvalidInputException(
        FIELD + " " + name, Objects.requireNonNullElse(value, "null"), limit);
  }
}
