package dev.vidrio.server.chat;

import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.ChatAnswer;
import dev.vidrio.model.ChatFormat;
import dev.vidrio.server.generation.AnswerFormat;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Value;
import dev.vidrio.template.ToolCall;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * The tools that a model may call.
 *
 * @param tools each as chat templates read it; empty where the model is to call none
 * @param parallel whether it may call more than one at a time
 * @param mustCall the path of the field that says that it must call one; null where it need not
 * @param strict whether arguments must keep to their schema also where it need not call one
 */
record ChatTools(
    List<Map<String, @Nullable Object>> tools,
    boolean parallel,
    @Nullable String mustCall,
    boolean strict) {
  private static final int MAX_TOOLS = 128;
  private static final int MAX_NAME = 64;
  private static final JsonNode OBJECT = JsonNodeFactory.instance.stringNode("object");

  /** A function, and whether its arguments must keep to their schema. */
  private record Function(Map<String, @Nullable Object> json, boolean strict) {
    boolean isNamed(String name) {
      return name.equals(json.get("name"));
    }

    /** As a tool that chat templates read. */
    Map<String, @Nullable Object> toTool() {
      Map<String, @Nullable Object> tool = new LinkedHashMap<>();
      tool.put("type", "function");
      tool.put("function", json);
      return tool;
    }
  }

  /**
   * Reads {@code tools}, {@code tool_choice} and {@code parallel_tool_calls}.
   *
   * @param flat whether a tool is a function itself, as in responses, or has one, as in chats
   */
  static ChatTools read(Fields fields, boolean flat) {
    List<Function> functions = new ArrayList<>();
    Value value = fields.value("tools");
    if (value != null) {
      value.elements(0, MAX_TOOLS).forEach(tool -> functions.add(tool(tool.fields(), flat)));
    }
    boolean parallel = fields.bool("parallel_tool_calls", true);
    Value choice = fields.value("tool_choice");
    if (choice == null) {
      return free(functions, parallel);
    }
    if (!choice.isString()) {
      return called(List.of(named(choice, functions, flat)), parallel, choice.path());
    }
    return switch (choice.string()) {
      case "none" -> new ChatTools(List.of(), parallel, null, false);
      case "auto" -> free(functions, parallel);
      case "required" -> called(functions, parallel, choice.path());
      default -> throw choice.error("must be none, auto, required or a function");
    };
  }

  private static List<Map<String, @Nullable Object>> tools(List<Function> functions) {
    return functions.stream().map(Function::toTool).toList();
  }

  private static ChatTools free(List<Function> functions, boolean parallel) {
    boolean strict = functions.stream().anyMatch(Function::strict);
    return new ChatTools(tools(functions), parallel, null, strict);
  }

  private static ChatTools called(List<Function> functions, boolean parallel, String path) {
    if (functions.isEmpty()) {
      throw ApiException.invalid(path, path + ": there are no tools to choose from");
    }
    return new ChatTools(tools(functions), parallel, path, true);
  }

  /**
   * What an answer must be; null where it may be anything.
   *
   * @param form of an answer that is no call, or null for any
   */
  @Nullable AnswerFormat answer(@Nullable AnswerFormat form) {
    if (form == null && !strict) {
      return null;
    }
    return new AnswerFormat(mustCall == null ? "tools" : mustCall, () -> grammar(form));
  }

  private Grammar grammar(@Nullable AnswerFormat form) {
    if (form == null) {
      return mustCall == null ? Grammar.freeAnswer(tools) : Grammar.toolCall(tools);
    }
    Grammar other = form.grammar();
    return Objects.requireNonNull(Grammar.chatAnswer(tools, mustCall != null, other));
  }

  /** Whether the model has some that it may call. */
  boolean areGiven() {
    return !tools.isEmpty();
  }

  /** What tells content, reasoning and calls apart in the answer to a prompt. */
  ChatAnswer newAnswer(ChatFormat chat, int[] prompt) {
    ChatAnswer answer = chat.newAnswer(prompt, areGiven());
    return mustCall == null ? answer : answer.withCallsOnly();
  }

  /** Those of the calls of an answer that count: further ones are dropped where one is allowed. */
  List<ToolCall> kept(List<ToolCall> calls) {
    return parallel || calls.size() <= 1 ? calls : calls.subList(0, 1);
  }

  private static Function named(Value choice, List<Function> functions, boolean flat) {
    Fields fields = choice.fields();
    var _ = fields.oneOf("type", "function", "function");
    Fields inner = flat ? fields : fields.required("function").fields();
    Value name = inner.required("name");
    inner.end();
    fields.end();
    return functions.stream()
        .filter(function -> function.isNamed(name.string()))
        .findFirst()
        .orElseThrow(() -> name.error("must be one of the tools"));
  }

  private static Function tool(Fields tool, boolean flat) {
    var _ = tool.oneOf("type", "function", "function");
    Fields fields = flat ? tool : tool.required("function").fields();
    Value name = fields.required("name");
    if (!name.string().matches("[A-Za-z0-9_-]{1," + MAX_NAME + "}")) {
      throw name.error("must be 1 to " + MAX_NAME + " letters, digits, '_' and '-'");
    }
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("name", name.string());
    String description = fields.string("description");
    if (description != null) {
      json.put("description", description);
    }
    Value parameters = fields.value("parameters");
    if (parameters != null) {
      requireObject(parameters.fields().value("type"));
      json.put("parameters", tree(parameters));
    }
    boolean strict = fields.bool("strict", false);
    fields.end();
    tool.end();
    return new Function(json, strict);
  }

  /** Arguments are an object, whatever else their schema says. */
  private static void requireObject(@Nullable Value type) {
    if (type == null || type.node().equals(OBJECT)) {
      return;
    }
    if (!type.isArray() || type.node().valueStream().noneMatch(OBJECT::equals)) {
      throw type.error("must be object: arguments have names");
    }
  }

  private static Map<String, @Nullable Object> tree(Value object) {
    return JsonMapper.shared().convertValue(object.node(), new TypeReference<>() {});
  }
}
