package dev.vidrio.server.prompt;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.template.ToolCall;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads the messages of a chat and encodes conversations. */
public final class ChatMessages {
  private static final int MAX_MESSAGES = 4096;
  private static final int MAX_CALLS = 128;

  private ChatMessages() {}

  /** Reads an array of messages. */
  public static List<ChatMessage> read(JsonValue messages) {
    return messages.elements(1, MAX_MESSAGES).stream()
        .map(message -> message(message.fields()))
        .toList();
  }

  /**
   * Returns the tokens of a conversation.
   *
   * @param path the path of the conversation, for errors
   * @throws ApiException 400 with that path if the model's template rejects the conversation
   */
  public static int[] encode(
      ChatFormat format, List<ChatMessage> messages, ChatOptions options, String path) {
    try {
      return format.encode(messages, options);
    } catch (InvalidInputException e) {
      // The exception's message contains the path of the model file.
      throw ApiException.invalid(path, "rejected by the model's chat template: " + e.limit());
    }
  }

  private static ChatMessage message(JsonFields fields) {
    JsonValue role = fields.required("role");
    ChatMessage message =
        switch (role.string()) {
          // Chat templates know the older name of this role.
          case "system", "developer" -> plain("system", fields);
          case "user" -> plain("user", fields);
          case "assistant" -> assistant(fields);
          case "tool" -> tool(fields);
          default -> throw role.error("must be system, developer, user, assistant or tool");
        };
    fields.end();
    return message;
  }

  private static ChatMessage plain(String role, JsonFields fields) {
    var message =
        new JsonObject()
            .with("role", role)
            .with("name", fields.string("name"))
            .with("content", text(fields.required("content")));
    return new ChatMessage(message);
  }

  private static ChatMessage assistant(JsonFields fields) {
    JsonValue content = fields.value("content");
    List<ToolCall> calls = calls(fields.value("tool_calls"));
    if (content == null && calls.isEmpty()) {
      throw ApiException.invalid(fields.path("content"), "is required without tool_calls");
    }
    fields.requireEmpty("annotations");
    Map<String, @Nullable Object> message =
        new LinkedHashMap<>(
            ChatMessage.assistant(
                    content == null ? null : text(content),
                    fields.string("reasoning_content"),
                    calls)
                .fields());
    message.put("name", fields.string("name"));
    return new ChatMessage(message);
  }

  private static ChatMessage tool(JsonFields fields) {
    return ChatMessage.tool(
        text(fields.required("content")),
        fields.string("name"),
        fields.required("tool_call_id").string());
  }

  /** Returns a string, or the concatenated text of an array of parts. */
  static String text(JsonValue content) {
    if (content.isString()) {
      return content.string();
    }
    if (!content.isArray()) {
      throw content.error("must be a string or an array of parts");
    }
    var text = new StringBuilder();
    for (JsonValue part : content.elements(0, MAX_MESSAGES)) {
      JsonFields fields = part.fields();
      JsonValue type = fields.required("type");
      if (!type.string().equals("text")) {
        throw ApiException.unsupported(
            type.path(), "'" + type.string() + "'", "not supported; only text input is");
      }
      text.append(fields.required("text").string());
      fields.end();
    }
    return text.toString();
  }

  private static List<ToolCall> calls(@Nullable JsonValue value) {
    List<ToolCall> calls = new ArrayList<>();
    if (value == null) {
      return calls;
    }
    for (JsonValue element : value.elements(0, MAX_CALLS)) {
      JsonFields call = element.fields();
      String id = call.required("id").string();
      // Clients that merge the chunks of a stream leave this field.
      var _ = call.integer("index", 0, 0, MAX_CALLS);
      var _ = call.oneOf("type", "function", "function");
      JsonFields function = call.required("function").fields();
      calls.add(
          new ToolCall(
              id, function.required("name").string(), arguments(function.required("arguments"))));
      function.end();
      call.end();
    }
    return calls;
  }

  /** Returns the arguments of a call, a string that contains a JSON object. */
  public static Map<String, @Nullable Object> arguments(JsonValue value) {
    JsonNode node;
    try {
      node = Json.read(value.string());
    } catch (JacksonException e) {
      throw value.error("must contain a JSON object: " + JsonFile.reason(e));
    }
    if (!node.isObject()) {
      throw value.error("must contain a JSON object");
    }
    return JsonMapper.shared().convertValue(node, new TypeReference<>() {});
  }
}
