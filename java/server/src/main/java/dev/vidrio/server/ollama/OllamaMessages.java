package dev.vidrio.server.ollama;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Translates the messages of {@code /api/chat} to those of {@code /v1/chat/completions}. There,
 * calls have ids; here a result may name only its function, or nothing, and belongs to the first
 * call without a result.
 */
final class OllamaMessages {
  private static final int MAX_MESSAGES = 4096;
  private static final int MAX_CALLS = 128;

  private final List<JsonObject> messages = new ArrayList<>();
  // Calls without a result.
  private final Deque<Call> open = new ArrayDeque<>();
  private int calls;

  private record Call(String id, String name) {}

  private OllamaMessages() {}

  static List<JsonObject> read(JsonValue value) {
    var read = new OllamaMessages();
    value.elements(1, MAX_MESSAGES).forEach(message -> read.add(message.fields()));
    return read.messages;
  }

  private void add(JsonFields message) {
    JsonValue role = message.required("role");
    OllamaRequest.rejectImages(message);
    String content = message.string("content", "");
    switch (role.string()) {
      case "system", "user" ->
          messages.add(new JsonObject().with("role", role.string()).with("content", content));
      case "assistant" -> addAssistant(message, content);
      case "tool" -> addResult(message, content);
      default -> throw role.error("must be system, user, assistant or tool");
    }
    message.end();
  }

  private void addAssistant(JsonFields message, String content) {
    List<JsonObject> called = new ArrayList<>();
    JsonValue value = message.value("tool_calls");
    if (value != null) {
      value.elements(0, MAX_CALLS).forEach(call -> called.add(call(call.fields())));
    }
    boolean isSilent = content.isEmpty() && !called.isEmpty();
    String reasoning = message.string("thinking", "");
    messages.add(
        new JsonObject()
            .with("role", "assistant")
            .with("content", isSilent ? null : content)
            .withPresent("reasoning_content", reasoning.isEmpty() ? null : reasoning)
            .withPresent("tool_calls", called.isEmpty() ? null : called));
  }

  private JsonObject call(JsonFields call) {
    var _ = call.oneOf("type", "function", "function");
    // Some templates require ids of nine letters and digits.
    String id = Objects.requireNonNullElse(call.string("id"), String.format("call%05d", calls));
    calls++;
    JsonFields function = call.required("function").fields();
    String name = function.required("name").string();
    var _ = function.integer("index", 0, 0, Integer.MAX_VALUE);
    JsonValue arguments = function.value("arguments");
    String json = "{}";
    if (arguments != null) {
      var _ = arguments.fields();
      json = Json.text(arguments.tree());
    }
    function.end();
    call.end();
    open.add(new Call(id, name));
    return new JsonObject()
        .with("id", id)
        .with("type", "function")
        .with("function", Map.of("name", name, "arguments", json));
  }

  private void addResult(JsonFields message, String content) {
    String name = message.string("tool_name");
    String id = message.string("tool_call_id");
    Call call = answered(name, id);
    if (call == null && id == null) {
      throw ApiException.invalid(message.path("role"), "'tool'", "must follow a call");
    }
    messages.add(
        new JsonObject()
            .with("role", "tool")
            .with("tool_call_id", call == null ? id : call.id)
            .withPresent("name", name)
            .with("content", content));
  }

  /** Removes and returns the call that a result belongs to; null if there is none. */
  private @Nullable Call answered(@Nullable String name, @Nullable String id) {
    for (Call call : open) {
      if (id != null ? call.id.equals(id) : name == null || call.name.equals(name)) {
        open.remove(call);
        return call;
      }
    }
    return null;
  }
}
