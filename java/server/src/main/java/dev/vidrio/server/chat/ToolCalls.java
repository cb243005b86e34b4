package dev.vidrio.server.chat;

import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.template.ToolCall;
import dev.vidrio.template.call.ReadCall;

/** Tool calls in the format of OpenAI's API. */
final class ToolCalls {
  private static final int ID_DIGITS = 24;
  private static final int SHORT_ID = 9;

  private ToolCalls() {}

  /**
   * Returns the id of a call, or a new one if the model wrote none.
   *
   * @param isShort if true, a new id has nine letters and digits, as some templates require
   */
  static String id(ToolCall call, boolean isShort) {
    String id = call.id();
    return id == null ? newId(isShort) : id;
  }

  /** Returns the id of a call as {@link #id(ToolCall, boolean)} does. */
  static String id(ReadCall call, boolean isShort) {
    String id = call.id();
    return id == null ? newId(isShort) : id;
  }

  private static String newId(boolean isShort) {
    return isShort
        ? Ids.next("").substring(0, SHORT_ID)
        : Ids.next("call_").substring(0, "call_".length() + ID_DIGITS);
  }

  /** Returns the arguments as JSON text. */
  static String arguments(ToolCall call) {
    return Json.text(call.arguments());
  }

  /** Returns the call of a chat's message. */
  static JsonObject toJson(ToolCall call, boolean isShort) {
    return new JsonObject()
        .with("id", id(call, isShort))
        .with("type", "function")
        .with(
            "function",
            new JsonObject().with("name", call.name()).with("arguments", arguments(call)));
  }
}
