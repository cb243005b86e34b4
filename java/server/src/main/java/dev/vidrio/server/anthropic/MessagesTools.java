package dev.vidrio.server.anthropic;

import dev.vidrio.server.generation.Translation;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Translates {@code tools} and {@code tool_choice} to those of a chat. */
final class MessagesTools {
  private static final int MAX_TOOLS = 128;
  private static final int MAX_NAME = 64;

  private MessagesTools() {}

  static void read(Translation chat, JsonFields fields) {
    Set<String> names = new HashSet<>();
    JsonValue tools = fields.value("tools");
    if (tools != null) {
      List<JsonObject> functions = new ArrayList<>();
      for (JsonValue tool : tools.elements(0, MAX_TOOLS)) {
        JsonObject function = function(tool.fields());
        names.add(String.valueOf(function.get("name")));
        functions.add(new JsonObject().with("type", "function").with("function", function));
      }
      chat.with("tools", tools.path(), functions);
    }
    JsonValue choice = fields.value("tool_choice");
    if (choice != null) {
      choose(chat, choice, names);
    }
  }

  private static JsonObject function(JsonFields tool) {
    JsonValue type = tool.value("type");
    if (type != null && !type.string().equals("custom")) {
      throw ApiException.unsupported(
          type.path(), "'" + type.string() + "'", "not supported; only custom tools are");
    }
    MessagesInput.cacheControl(tool);
    JsonValue name = tool.required("name");
    if (!name.string().matches("[A-Za-z0-9_-]{1," + MAX_NAME + "}")) {
      throw name.error("must be 1 to " + MAX_NAME + " letters, digits, '_' and '-'");
    }
    JsonValue schema = tool.required("input_schema");
    JsonValue kind = schema.fields().value("type");
    if (kind != null && !(kind.isString() && kind.string().equals("object"))) {
      throw kind.error("must be object, since inputs have names");
    }
    // Inputs are streamed in one way for all tools.
    var _ = tool.bool("eager_input_streaming", false);
    tool.requireValue("defer_loading", false);
    var function =
        new JsonObject()
            .with("name", name.string())
            .withPresent("description", tool.string("description"))
            .with("parameters", schema.tree())
            .with("strict", tool.bool("strict", false));
    tool.end();
    return function;
  }

  private static void choose(Translation chat, JsonValue choice, Set<String> names) {
    JsonFields fields = choice.fields();
    JsonValue type = fields.required("type");
    Object translated =
        switch (type.string()) {
          case "auto" -> "auto";
          case "any" -> "required";
          case "none" -> "none";
          case "tool" -> {
            JsonValue name = fields.required("name");
            if (!names.contains(name.string())) {
              throw name.error("must be one of the tools");
            }
            yield Map.of("type", "function", "function", Map.of("name", name.string()));
          }
          default -> throw type.error("must be auto, any, tool or none");
        };
    chat.with("tool_choice", choice.path(), translated);
    if (fields.bool("disable_parallel_tool_use", false)) {
      chat.with("parallel_tool_calls", fields.path("disable_parallel_tool_use"), false);
    }
    fields.end();
  }
}
