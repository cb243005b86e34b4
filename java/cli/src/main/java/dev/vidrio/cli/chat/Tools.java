package dev.vidrio.cli.chat;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.Json;
import dev.vidrio.model.Model;
import dev.vidrio.model.template.AnswerParser;
import dev.vidrio.model.template.ChatOptions;
import dev.vidrio.model.template.ToolCall;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Tools that a model may ask for, and what it asks. */
public final class Tools {
  private Tools() {}

  /** Adds the tools of a file, a JSON array of them in the form of OpenAI's API. */
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

  /** The calls in an answer. */
  public static List<ToolCall> calls(Model model, List<Integer> answer) {
    String marked = model.tokenizer().decode(answer.stream().mapToInt(i -> i).toArray());
    return AnswerParser.parse(marked, marked).toolCalls();
  }

  /** Shows calls, one a line. */
  public static void print(List<ToolCall> calls) {
    for (ToolCall call : calls) {
      String arguments = JsonMapper.shared().writeValueAsString(call.arguments());
      System.out.println(Escapes.shown("→ " + call.name() + " " + arguments));
    }
  }

  /** A call for {@code --json}. */
  public static Map<String, Object> toJson(ToolCall call) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("name", call.name());
    json.put("arguments", call.arguments());
    return json;
  }
}
