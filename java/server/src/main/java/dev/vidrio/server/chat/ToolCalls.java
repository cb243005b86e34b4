package dev.vidrio.server.chat;

import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.template.ToolCall;

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
  static JsonObject toJson(ToolCall call) {
    return new JsonObject()
        .with("id", id(call))
        .with("type", "function")
        .with(
            "function",
            new JsonObject().with("name", call.name()).with("arguments", arguments(call)));
  }
}
