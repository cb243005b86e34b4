package dev.vidrio.server.chat;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Value;
import dev.vidrio.server.prompt.ChatMessages;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ToolCall;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The input of a response: a text, or items that become messages of a chat. */
final class ResponseInput {
  private static final int MAX_ITEMS = 4096;

  private final List<ChatMessage> messages = new ArrayList<>();
  // Calls that belong to the message of the assistant before them, or to one without a text.
  private final List<ToolCall> calls = new ArrayList<>();
  // What was thought before them, or before the next message of the assistant.
  private @Nullable String reasoning;

  private ResponseInput() {}

  /** Reads {@code input}, and {@code instructions} as what comes before it. */
  static List<ChatMessage> read(Fields fields) {
    var input = new ResponseInput();
    String instructions = fields.string("instructions");
    if (instructions != null) {
      input.messages.add(ChatMessage.system(instructions));
    }
    Value value = fields.required("input");
    if (value.isString()) {
      input.messages.add(ChatMessage.user(value.string()));
    } else {
      value.elements(1, MAX_ITEMS).forEach(item -> input.add(item.fields()));
      input.endCalls();
    }
    return input.messages;
  }

  private void add(Fields item) {
    // Items that come back from an answer carry these.
    item.unused("id", "status");
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
          throw ApiException.unsupported(
              item.path("type"), item.path("type") + " '" + type + "': is not supported");
    }
    item.end();
  }

  private void addMessage(Fields item) {
    endCalls();
    Value role = item.required("role");
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

  private void addReasoning(Fields item) {
    endCalls();
    Value encrypted = item.value("encrypted_content");
    if (encrypted != null) {
      throw ApiException.unsupported(
          encrypted.path(), encrypted.path() + ": reasoning is not encrypted here");
    }
    String summary = parts(item.value("summary"), "summary_text");
    String content = parts(item.value("content"), "reasoning_text");
    String text = content.isEmpty() ? summary : content;
    reasoning = text.isEmpty() ? null : text;
  }

  private static String parts(@Nullable Value list, String type) {
    if (list == null) {
      return "";
    }
    List<String> texts = new ArrayList<>();
    for (Value element : list.elements(0, MAX_ITEMS)) {
      Fields part = element.fields();
      var _ = part.oneOf("type", type, type);
      texts.add(part.required("text").string());
      part.end();
    }
    return String.join("\n\n", texts);
  }

  /** Puts calls into the message that made them. */
  private void endCalls() {
    if (calls.isEmpty()) {
      return;
    }
    @Nullable String text = null;
    @Nullable String thought = reasoning;
    // A thought behind a text begins another message.
    if (thought == null && !messages.isEmpty() && messages.getLast().role().equals("assistant")) {
      ChatMessage before = messages.removeLast();
      text = before.content();
      thought = before.reasoning();
    }
    messages.add(ChatMessage.assistant(text, thought, List.copyOf(calls)));
    calls.clear();
    reasoning = null;
  }

  private static String text(Value content) {
    if (content.isString()) {
      return content.string();
    }
    var text = new StringBuilder();
    for (Value element : content.elements(0, MAX_ITEMS)) {
      Fields part = element.fields();
      Value type = part.required("type");
      switch (type.string()) {
        case "input_text" -> {}
        case "output_text" -> {
          // Those of our own answers, which have none of the first.
          Value annotations = part.value("annotations");
          if (annotations != null) {
            var _ = annotations.elements(0, 0);
          }
          var _ = part.value("logprobs");
        }
        default ->
            throw ApiException.unsupported(
                type.path(), type.path() + " '" + type.string() + "': models here read text only");
      }
      text.append(part.required("text").string());
      part.end();
    }
    return text.toString();
  }
}
