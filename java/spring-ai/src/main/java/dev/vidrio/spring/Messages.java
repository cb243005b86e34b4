package dev.vidrio.spring;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ToolCall;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.messages.Message;
import org.springframework.ai.chat.messages.ToolResponseMessage;
import org.springframework.ai.content.MediaContent;
import org.springframework.ai.tool.definition.ToolDefinition;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** Converts Spring AI's messages and tools to those of chat templates, and back. */
final class Messages {
  /** The metadata key of reasoning, as in Spring AI's OpenAI model. */
  static final String REASONING = "reasoningContent";

  private Messages() {}

  static List<ChatMessage> toTemplate(List<Message> messages) {
    return messages.stream().flatMap(Messages::toTemplate).toList();
  }

  private static Stream<ChatMessage> toTemplate(Message message) {
    if (message instanceof MediaContent content && !content.getMedia().isEmpty()) {
      throw new InvalidInputException(
          "media",
          content.getMedia().getFirst().getMimeType(),
          "not supported; only text input is");
    }
    return switch (message) {
      case AssistantMessage answer ->
          Stream.of(
              ChatMessage.assistant(
                  answer.getText(),
                  answer.getMetadata().get(REASONING) instanceof String reasoning
                      ? reasoning
                      : null,
                  answer.getToolCalls().stream().map(Messages::toCall).toList()));
      case ToolResponseMessage results ->
          results.getResponses().stream()
              .map(result -> ChatMessage.tool(result.responseData(), result.name(), result.id()));
      default ->
          Stream.of(
              new ChatMessage(
                  message.getMessageType().getValue(),
                  Objects.requireNonNullElse(message.getText(), "")));
    };
  }

  private static ToolCall toCall(AssistantMessage.ToolCall call) {
    return new ToolCall(
        call.id(), call.name(), object("arguments of " + call.name(), call.arguments()));
  }

  /** Returns a tool in the format of OpenAI's API. */
  static Map<String, @Nullable Object> toTemplate(ToolDefinition tool) {
    Map<String, @Nullable Object> function = new LinkedHashMap<>();
    function.put("name", tool.name());
    function.put("description", tool.description());
    function.put("parameters", object("input schema of " + tool.name(), tool.inputSchema()));
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("type", "function");
    json.put("function", function);
    return json;
  }

  private static Map<String, @Nullable Object> object(String field, String json) {
    try {
      return JsonMapper.shared().readValue(json, new TypeReference<>() {});
    } catch (JacksonException e) {
      throw new InvalidInputException(field, json, "must be a JSON object");
    }
  }

  static AssistantMessage.ToolCall toSpring(ToolCall call) {
    String id = call.id();
    return new AssistantMessage.ToolCall(
        id == null ? "call_" + UUID.randomUUID() : id,
        "function",
        call.name(),
        JsonMapper.shared().writeValueAsString(call.arguments()));
  }
}
