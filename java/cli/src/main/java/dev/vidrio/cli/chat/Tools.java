package dev.vidrio.cli.chat;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.template.ToolCall;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads tools and prints tool calls. */
public final class Tools {
  private Tools() {}

  /** Adds the tools of a file, a JSON array as in OpenAI's API. */
  public static void read(Path file, ChatOptions.Builder options) {
    List<JsonNode> elements = Json.readArray(file);
    for (int i = 0; i < elements.size(); i++) {
      JsonNode tool = elements.get(i);
      if (!tool.path("function").path("name").isString()) {
        throw new CommandException(
            file
                + ": element "
                + i
                + ": must be {\"type\": \"function\", \"function\": {\"name\": …}}");
      }
      options.tool(JsonMapper.shared().convertValue(tool, new TypeReference<>() {}));
    }
  }

  /** Prints calls, one per line. */
  public static void print(List<ToolCall> calls) {
    for (ToolCall call : calls) {
      String arguments = JsonMapper.shared().writeValueAsString(call.arguments());
      System.out.println(Escapes.shown("→ " + call.name() + " " + arguments));
    }
  }

  /**
   * Returns an answer for {@code --json}: text, reasoning and calls.
   *
   * @param tools true if the model was given tools
   */
  public static JsonObject toJson(ChatMessage answer, boolean tools) {
    String text = Objects.requireNonNullElse(answer.content(), "");
    JsonObject json = new JsonObject().with("text", text);
    if (answer.reasoning() != null) {
      json.put("reasoning", answer.reasoning());
    }
    if (tools) {
      json.put("tool_calls", answer.toolCalls().stream().map(Tools::toJson).toList());
    }
    return json;
  }

  private static JsonObject toJson(ToolCall call) {
    return new JsonObject().with("name", call.name()).with("arguments", call.arguments());
  }
}
