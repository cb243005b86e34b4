package dev.vidrio.server;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * The tools that a model may call.
 *
 * @param tools each as chat templates read it; empty where the model is to call none
 * @param parallel whether it may call more than one at a time
 */
record ChatTools(List<Map<String, @Nullable Object>> tools, boolean parallel) {
  private static final int MAX_TOOLS = 128;
  private static final int MAX_NAME = 64;

  /** Reads {@code tools}, {@code tool_choice} and {@code parallel_tool_calls}. */
  static ChatTools read(Fields fields) {
    List<Map<String, @Nullable Object>> tools = new ArrayList<>();
    Value value = fields.value("tools");
    if (value != null) {
      value.elements(0, MAX_TOOLS).forEach(tool -> tools.add(tool(tool)));
    }
    boolean parallel = fields.bool("parallel_tool_calls", true);
    return new ChatTools(choice(fields, tools), parallel);
  }

  /** Reads the same fields where a tool is a function itself. */
  static ChatTools readFlat(Fields fields) {
    List<Map<String, @Nullable Object>> tools = new ArrayList<>();
    Value value = fields.value("tools");
    if (value != null) {
      for (Value tool : value.elements(0, MAX_TOOLS)) {
        Fields function = tool.fields();
        var _ = function.oneOf("type", "function", "function");
        tools.add(wrapped(function(function)));
        function.end();
      }
    }
    boolean parallel = fields.bool("parallel_tool_calls", true);
    return new ChatTools(choice(fields, tools), parallel);
  }

  private static List<Map<String, @Nullable Object>> choice(
      Fields fields, List<Map<String, @Nullable Object>> tools) {
    Value choice = fields.value("tool_choice");
    if (choice == null) {
      return tools;
    }
    if (!choice.isString() || choice.string().equals("required")) {
      throw ApiException.unsupported(
          choice.path(), choice.path() + ": a model here cannot be made to call a tool");
    }
    return switch (choice.string()) {
      case "none" -> List.of();
      case "auto" -> tools;
      default -> throw choice.error("must be none or auto");
    };
  }

  private static Map<String, @Nullable Object> tool(Value value) {
    Fields tool = value.fields();
    var _ = tool.oneOf("type", "function", "function");
    Fields function = tool.required("function").fields();
    Map<String, @Nullable Object> copy = function(function);
    function.end();
    tool.end();
    return wrapped(copy);
  }

  /** A tool as chat templates read it. */
  private static Map<String, @Nullable Object> wrapped(Map<String, @Nullable Object> function) {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("type", "function");
    json.put("function", function);
    return json;
  }

  /** The function of a tool: name, description, parameters. */
  static Map<String, @Nullable Object> function(Fields function) {
    Value name = function.required("name");
    if (!name.string().matches("[A-Za-z0-9_-]{1," + MAX_NAME + "}")) {
      throw name.error("must be 1 to " + MAX_NAME + " letters, digits, '_' and '-'");
    }
    Map<String, @Nullable Object> copy = new LinkedHashMap<>();
    copy.put("name", name.string());
    String description = function.string("description");
    if (description != null) {
      copy.put("description", description);
    }
    Value parameters = function.value("parameters");
    if (parameters != null) {
      var _ = parameters.fields();
      copy.put(
          "parameters",
          JsonMapper.shared()
              .convertValue(
                  parameters.node(), new TypeReference<Map<String, @Nullable Object>>() {}));
    }
    if (function.bool("strict", false)) {
      throw ApiException.unsupported(
          function.path("strict"),
          function.path("strict") + ": arguments of calls are not bound to their schema here");
    }
    return copy;
  }
}
