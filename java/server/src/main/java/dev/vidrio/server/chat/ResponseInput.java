package dev.vidrio.server.chat;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.prompt.ChatMessages;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ToolCall;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Converts the input of a response, a text or items, to the messages of a chat. */
final class ResponseInput {
  private static final int MAX_ITEMS = 4096;

  private final List<ChatMessage> messages = new ArrayList<>();
  // Calls of the preceding assistant message, or of one without content.
  private final List<ToolCall> calls = new ArrayList<>();
  // Reasoning of these calls or of the next assistant message.
  private @Nullable String reasoning;

  private ResponseInput() {}

  /** Reads {@code instructions} and {@code input}. */
  static List<ChatMessage> read(JsonFields fields) {
    var input = new ResponseInput();
    String instructions = fields.string("instructions");
    if (instructions != null) {
      input.messages.add(ChatMessage.system(instructions));
    }
    JsonValue value = fields.required("input");
    if (value.isString()) {
      input.messages.add(ChatMessage.user(value.string()));
    } else {
      value.elements(1, MAX_ITEMS).forEach(item -> input.add(item.fields()));
      input.endCalls();
    }
    return input.messages;
  }

  private void add(JsonFields item) {
    // Items of earlier responses have these fields.
    item.ignore("id", "status");
    String type = item.string("type", "message");
    switch (type) {
      case "message" -> addMessage(item);
      case "function_call" ->
          calls.add(
              new ToolCall(
                  item.required("call_id").string(),
                  item.required("name").string(),
                  ChatMessages.arguments(item.required("arguments"))));
      case "reasoning" -> addReasoning(item);
      case "function_call_output" -> {
        endCalls();
        String id = item.required("call_id").string();
        messages.add(ChatMessage.tool(text(item.required("output")), null, id));
      }
      default ->
          throw ApiException.unsupported(item.path("type"), "'" + type + "'", "not supported");
    }
    item.end();
  }

  private void addMessage(JsonFields item) {
    endCalls();
    JsonValue role = item.required("role");
    String text = text(item.required("content"));
    messages.add(
        switch (role.string()) {
          case "system", "developer" -> ChatMessage.system(text);
          case "user" -> ChatMessage.user(text);
          case "assistant" -> ChatMessage.assistant(text, reasoning, List.of());
          default -> throw role.error("must be system, developer, user or assistant");
        });
    reasoning = null;
  }

  private void addReasoning(JsonFields item) {
    endCalls();
    JsonValue encrypted = item.value("encrypted_content");
    if (encrypted != null) {
      throw ApiException.unsupported(
          encrypted.path(), "not supported; send the reasoning as content");
    }
    String summary = parts(item.value("summary"), "summary_text");
    String content = parts(item.value("content"), "reasoning_text");
    String text = content.isEmpty() ? summary : content;
    reasoning = text.isEmpty() ? null : text;
  }

  private static String parts(@Nullable JsonValue list, String type) {
    if (list == null) {
      return "";
    }
    List<String> texts = new ArrayList<>();
    for (JsonValue element : list.elements(0, MAX_ITEMS)) {
      JsonFields part = element.fields();
      var _ = part.oneOf("type", type, type);
      texts.add(part.required("text").string());
      part.end();
    }
    return String.join("\n\n", texts);
  }

  /** Adds the pending calls to their message. */
  private void endCalls() {
    if (calls.isEmpty()) {
      return;
    }
    @Nullable String text = null;
    @Nullable String callReasoning = reasoning;
    // Reasoning after a text starts a new message.
    if (callReasoning == null
        && !messages.isEmpty()
        && messages.getLast().role().equals("assistant")) {
      ChatMessage before = messages.removeLast();
      text = before.content();
      callReasoning = before.reasoning();
    }
    messages.add(ChatMessage.assistant(text, callReasoning, List.copyOf(calls)));
    calls.clear();
    reasoning = null;
  }

  private static String text(JsonValue content) {
    if (content.isString()) {
      return content.string();
    }
    var text = new StringBuilder();
    for (JsonValue element : content.elements(0, MAX_ITEMS)) {
      JsonFields part = element.fields();
      JsonValue type = part.required("type");
      switch (type.string()) {
        case "input_text" -> {}
        case "output_text" -> {
          // Parts of earlier responses have empty annotations.
          part.requireEmpty("annotations");
          var _ = part.value("logprobs");
        }
        default ->
            throw ApiException.unsupported(
                type.path(), "'" + type.string() + "'", "not supported; only text input is");
      }
      text.append(part.required("text").string());
      part.end();
    }
    return text.toString();
  }
}
