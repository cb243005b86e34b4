package dev.vidrio.server.chat;

import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.http.Json;
import dev.vidrio.template.ToolCall;
import java.util.LinkedHashMap;
import java.util.Map;

/** Calls of tools as OpenAI's API has them. */
final class ToolCalls {
  private static final int ID_DIGITS = 24;

  private ToolCalls() {}

  /** What the result of a call refers to. */
  static String id(ToolCall call) {
    String id = call.id();
    return id == null ? Ids.next("call_").substring(0, "call_".length() + ID_DIGITS) : id;
  }

  /** The arguments as text. */
  static String arguments(ToolCall call) {
    return Json.text(call.arguments());
  }

  static Map<String, Object> toJson(ToolCall call) {
    Map<String, Object> function = new LinkedHashMap<>();
    function.put("name", call.name());
    function.put("arguments", arguments(call));
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", id(call));
    json.put("type", "function");
    json.put("function", function);
    return json;
  }
}
