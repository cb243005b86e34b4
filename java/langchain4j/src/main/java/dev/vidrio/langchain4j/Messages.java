package dev.vidrio.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.CustomMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ToolCall;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** Converts LangChain4j's messages and tools to those of chat templates, and back. */
final class Messages {
  private Messages() {}

  static ChatMessage toTemplate(dev.langchain4j.data.message.ChatMessage message) {
    return switch (message) {
      case SystemMessage system -> ChatMessage.system(system.text());
      case UserMessage user -> user(user);
      case AiMessage ai ->
          ChatMessage.assistant(
              ai.text(),
              ai.thinking(),
              ai.toolExecutionRequests().stream().map(Messages::toCall).toList());
      case ToolExecutionResultMessage result ->
          ChatMessage.tool(text(result.contents()), result.toolName(), result.id());
      case CustomMessage custom -> ChatMessage.of(custom.attributes());
      default ->
          throw new UnsupportedFeatureException(
              "messages of type " + message.type() + " are not supported by Vidrio");
    };
  }

  private static ChatMessage user(UserMessage message) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("role", "user");
    fields.put("name", message.name());
    fields.put("content", text(message.contents()));
    return new ChatMessage(fields);
  }

  private static String text(List<Content> contents) {
    return contents.stream().map(Messages::text).collect(Collectors.joining("\n"));
  }

  private static String text(Content content) {
    if (content instanceof TextContent text) {
      return text.text();
    }
    throw new UnsupportedFeatureException(
        "content of type "
            + content.type().name().toLowerCase(Locale.ROOT)
            + " is not supported by Vidrio");
  }

  private static ToolCall toCall(ToolExecutionRequest request) {
    try {
      Map<String, @Nullable Object> arguments =
          JsonMapper.shared().readValue(request.arguments(), new TypeReference<>() {});
      return new ToolCall(request.id(), request.name(), arguments);
    } catch (JacksonException e) {
      throw new InvalidInputException(
          "arguments of " + request.name(), request.arguments(), "must be a JSON object");
    }
  }

  /** Returns a tool in the format of OpenAI's API. */
  static Map<String, @Nullable Object> toTemplate(ToolSpecification tool) {
    Map<String, @Nullable Object> function = new LinkedHashMap<>();
    function.put("name", tool.name());
    function.put("description", tool.description());
    JsonObjectSchema parameters = tool.parameters();
    function.put(
        "parameters",
        JsonSchemaElementUtils.toMap(
            parameters == null ? JsonObjectSchema.builder().build() : parameters));
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("type", "function");
    json.put("function", function);
    return json;
  }

  static AiMessage toAiMessage(ChatMessage message) {
    return AiMessage.builder()
        .text(message.content())
        .thinking(message.reasoning())
        .toolExecutionRequests(message.toolCalls().stream().map(Messages::toRequest).toList())
        .build();
  }

  private static ToolExecutionRequest toRequest(ToolCall call) {
    String id = call.id();
    return ToolExecutionRequest.builder()
        .id(id == null ? "call_" + UUID.randomUUID() : id)
        .name(call.name())
        .arguments(JsonMapper.shared().writeValueAsString(call.arguments()))
        .build();
  }
}
