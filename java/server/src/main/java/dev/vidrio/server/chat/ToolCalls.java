package dev.vidrio.server.chat;

import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.http.Json;
import dev.vidrio.template.ToolCall;
import java.util.LinkedHashMap;
import java.util.Map;

/** Tool calls in the format of OpenAI's API. */
final class ToolCalls {
  private static final int ID_DIGITS = 24;

  private ToolCalls() {}

  /** Returns the id of a call, or a new one if the model wrote none. */
  static String id(ToolCall call) {
    String id = call.id();
    return id == null ? Ids.next("call_").substring(0, "call_".length() + ID_DIGITS) : id;
  }

  /** Returns the arguments as JSON text. */
  static String arguments(ToolCall call) {
    return Json.text(call.arguments());
  }

  /** Returns the call of a chat's message. */
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
