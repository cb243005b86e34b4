package dev.vidrio.server.chat;

import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.server.generation.AnswerFormat;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.template.call.ToolCallFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * The tools of a request.
 *
 * @param tools the tools in the format of chat templates; empty if the model must not call any
 * @param callable those that the model may call
 * @param parallel if false, an answer has at most one call
 * @param mustCall the path of the field that requires a call; null if none is required
 * @param isNamed if true, a function is required by name, and called once
 * @param strict if true, calls must be of the callable tools, and the arguments of all calls must
 *     match their schema
 */
record ChatTools(
    List<Map<String, @Nullable Object>> tools,
    List<Map<String, @Nullable Object>> callable,
    boolean parallel,
    @Nullable String mustCall,
    boolean isNamed,
    boolean strict) {
  private static final int MAX_TOOLS = 128;
  private static final int MAX_NAME = 64;
  private static final JsonNode OBJECT = JsonNodeFactory.instance.stringNode("object");

  /** A function; if {@code strict}, its arguments must match their schema. */
  private record Function(Map<String, @Nullable Object> json, boolean strict) {
    boolean isNamed(String name) {
      return name.equals(json.get("name"));
    }

    /** Returns the tool in the format of chat templates. */
    Map<String, @Nullable Object> toTool() {
      return new JsonObject().with("type", "function").with("function", json);
    }
  }

  /**
   * Reads {@code tools}, {@code tool_choice} and {@code parallel_tool_calls}.
   *
   * @param flat true if a tool has the function's fields, as in responses; false if it has a field
   *     {@code function}, as in chats
   */
  static ChatTools read(JsonFields fields, boolean flat) {
    List<Function> functions = new ArrayList<>();
    JsonValue value = fields.value("tools");
    if (value != null) {
      value.elements(0, MAX_TOOLS).forEach(tool -> functions.add(tool(tool.fields(), flat)));
    }
    boolean parallel = fields.bool("parallel_tool_calls", true);
    JsonValue choice = fields.value("tool_choice");
    if (choice == null) {
      return optional(functions, parallel);
    }
    if (!choice.isString()) {
      return chosen(choice, functions, parallel, flat);
    }
    return switch (choice.string()) {
      case "none" -> new ChatTools(List.of(), List.of(), parallel, null, false, false);
      case "auto" -> optional(functions, parallel);
      case "required" -> required(functions, functions, parallel, choice.path(), false);
      default -> throw choice.error("must be none, auto, required, a function or allowed_tools");
    };
  }

  private static List<Map<String, @Nullable Object>> tools(List<Function> functions) {
    return functions.stream().map(Function::toTool).toList();
  }

  private static ChatTools optional(List<Function> functions, boolean parallel) {
    boolean strict = functions.stream().anyMatch(Function::strict);
    return new ChatTools(tools(functions), tools(functions), parallel, null, false, strict);
  }

  private static ChatTools required(
      List<Function> given,
      List<Function> callable,
      boolean parallel,
      String path,
      boolean isNamed) {
    if (callable.isEmpty()) {
      throw ApiException.invalid(path, "needs tools");
    }
    return new ChatTools(tools(given), tools(callable), parallel, path, isNamed, true);
  }

  /** Reads a choice that is an object: a function, or the functions that are allowed. */
  private static ChatTools chosen(
      JsonValue choice, List<Function> functions, boolean parallel, boolean flat) {
    JsonFields fields = choice.fields();
    JsonValue type = fields.value("type");
    if (type == null || !type.isString() || !type.string().equals("allowed_tools")) {
      List<Function> one = List.of(named(choice, functions, flat));
      return required(one, one, parallel, choice.path(), true);
    }
    JsonFields inner = flat ? fields : fields.required("allowed_tools").fields();
    String mode = inner.required("mode").string();
    List<Function> allowed =
        inner.required("tools").elements(1, MAX_TOOLS).stream()
            .map(tool -> named(tool, functions, flat))
            .toList();
    JsonValue modeField = inner.required("mode");
    inner.end();
    fields.end();
    return switch (mode) {
      // The grammar keeps the model from calling other tools.
      case "auto" -> new ChatTools(tools(functions), tools(allowed), parallel, null, false, true);
      case "required" -> required(functions, allowed, parallel, choice.path(), false);
      default -> throw modeField.error("must be auto or required");
    };
  }

  /**
   * Returns the format of an answer or a call; null for any.
   *
   * @param format the format of an answer that is not a call, or null
   */
  @Nullable AnswerFormat format(ServedModel served, @Nullable AnswerFormat format) {
    if (format == null && !strict) {
      return null;
    }
    return new AnswerFormat(
        mustCall == null ? "tools" : mustCall, () -> grammar(served.chat(), format));
  }

  private Grammar grammar(ChatFormat chat, @Nullable AnswerFormat format) {
    if (callable.isEmpty() && format != null) {
      return format.grammar();
    }
    ToolCallFormat calls = chat.toolCallFormat();
    boolean several = parallel && !isNamed;
    if (mustCall != null) {
      return Grammar.toolCalls(calls, callable, several);
    }
    return format == null
        ? Grammar.answerWithCalls(calls, callable, several)
        : Grammar.toolCalls(calls, callable, several).or(format.grammar());
  }

  /** Returns whether the model may call tools. */
  boolean areGiven() {
    return !tools.isEmpty();
  }

  /**
   * Creates the parser of an answer: content, reasoning and calls.
   *
   * @param isFormatted true if the answer has a required format
   */
  ChatAnswer newAnswer(ChatFormat chat, int[] prompt, boolean isFormatted) {
    ChatAnswer answer = chat.newAnswer(prompt, callable, strict || isFormatted);
    return mustCall == null ? answer : answer.withCallsOnly();
  }

  /** Returns the calls of an answer to report: at most one unless calls may be parallel. */
  <T> List<T> kept(List<T> calls) {
    return parallel || calls.size() <= 1 ? calls : calls.subList(0, 1);
  }

  private static Function named(JsonValue choice, List<Function> functions, boolean flat) {
    JsonFields fields = choice.fields();
    var _ = fields.oneOf("type", "function", "function");
    JsonFields inner = flat ? fields : fields.required("function").fields();
    JsonValue name = inner.required("name");
    inner.end();
    fields.end();
    return functions.stream()
        .filter(function -> function.isNamed(name.string()))
        .findFirst()
        .orElseThrow(() -> name.error("must be one of the tools"));
  }

  private static Function tool(JsonFields tool, boolean flat) {
    var _ = tool.oneOf("type", "function", "function");
    JsonFields fields = flat ? tool : tool.required("function").fields();
    JsonValue name = fields.required("name");
    if (!name.string().matches("[A-Za-z0-9_-]{1," + MAX_NAME + "}")) {
      throw name.error("must be 1 to " + MAX_NAME + " letters, digits, '_' and '-'");
    }
    var json = new JsonObject().with("name", name.string());
    String description = fields.string("description");
    if (description != null) {
      json.put("description", description);
    }
    JsonValue parameters = fields.value("parameters");
    if (parameters != null) {
      requireObject(parameters.fields().value("type"));
      json.put("parameters", tree(parameters));
    }
    boolean strict = fields.bool("strict", false);
    fields.end();
    tool.end();
    return new Function(json, strict);
  }

  /** Rejects schemas that are not of an object, since arguments have names. */
  private static void requireObject(@Nullable JsonValue type) {
    if (type == null || type.node().equals(OBJECT)) {
      return;
    }
    if (!type.isArray() || type.node().valueStream().noneMatch(OBJECT::equals)) {
      throw type.error("must be object, since arguments have names");
    }
  }

  private static Map<String, @Nullable Object> tree(JsonValue object) {
    return JsonMapper.shared().convertValue(object.node(), new TypeReference<>() {});
  }
}
