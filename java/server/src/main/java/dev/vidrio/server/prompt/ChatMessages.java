package dev.vidrio.server.prompt;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.model.ChatFormat;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.Value;
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

/** The messages of a chat, which are read strictly: no field of theirs is passed over. */
public final class ChatMessages {
  private static final int MAX_MESSAGES = 4096;
  private static final int MAX_CALLS = 128;

  private ChatMessages() {}

  /** Reads the array that they are. */
  public static List<ChatMessage> read(Value messages) {
    return messages.elements(1, MAX_MESSAGES).stream()
        .map(message -> message(message.fields()))
        .toList();
  }

  /**
   * The tokens of a conversation.
   *
   * @param path of the field that it was read from
   * @throws ApiException 400 with that path when the model's template does not take it
   */
  public static int[] encode(
      ChatFormat format, List<ChatMessage> messages, ChatOptions options, String path) {
    try {
      return format.encode(messages, options);
    } catch (InvalidInputException e) {
      // The whole of its message names the model's file.
      throw ApiException.invalid(
          path, path + ": the model's chat template does not take this: " + e.limit());
    }
  }

  private static ChatMessage message(Fields fields) {
    Value role = fields.required("role");
    ChatMessage message =
        switch (role.string()) {
          // Models know the newer name for such instructions by the older one.
          case "system", "developer" -> plain("system", fields);
          case "user" -> plain("user", fields);
          case "assistant" -> assistant(fields);
          case "tool" -> tool(fields);
          default -> throw role.error("must be system, developer, user, assistant or tool");
        };
    fields.end();
    return message;
  }

  private static ChatMessage plain(String role, Fields fields) {
    Map<String, @Nullable Object> message = new LinkedHashMap<>();
    message.put("role", role);
    message.put("name", fields.string("name"));
    message.put("content", text(fields.required("content")));
    return new ChatMessage(message);
  }

  private static ChatMessage assistant(Fields fields) {
    Value content = fields.value("content");
    List<ToolCall> calls = calls(fields.value("tool_calls"));
    if (content == null && calls.isEmpty()) {
      throw ApiException.invalid(
          fields.path("content"),
          fields.path("content") + ": is required where there are no tool_calls");
    }
    Value annotations = fields.value("annotations");
    if (annotations != null) {
      var _ = annotations.elements(0, 0);
    }
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

  private static ChatMessage tool(Fields fields) {
    return ChatMessage.tool(
        text(fields.required("content")),
        fields.string("name"),
        fields.required("tool_call_id").string());
  }

  /** A text, or text in parts. */
  private static String text(Value content) {
    if (content.isString()) {
      return content.string();
    }
    if (!content.isArray()) {
      throw content.error("must be a string or an array of parts");
    }
    var text = new StringBuilder();
    for (Value part : content.elements(0, MAX_MESSAGES)) {
      Fields fields = part.fields();
      Value type = fields.required("type");
      if (!type.string().equals("text")) {
        throw ApiException.unsupported(
            type.path(), type.path() + " '" + type.string() + "': models here read text only");
      }
      text.append(fields.required("text").string());
      fields.end();
    }
    return text.toString();
  }

  private static List<ToolCall> calls(@Nullable Value value) {
    List<ToolCall> calls = new ArrayList<>();
    if (value == null) {
      return calls;
    }
    for (Value element : value.elements(0, MAX_CALLS)) {
      Fields call = element.fields();
      String id = call.required("id").string();
      // Left by those who put a call together from the pieces of a stream.
      var _ = call.integer("index", 0, 0, MAX_CALLS);
      var _ = call.oneOf("type", "function", "function");
      Fields function = call.required("function").fields();
      calls.add(
          new ToolCall(
              id, function.required("name").string(), arguments(function.required("arguments"))));
      function.end();
      call.end();
    }
    return calls;
  }

  /** The arguments of a call, which come as the text of a JSON object. */
  public static Map<String, @Nullable Object> arguments(Value value) {
    JsonNode node;
    try {
      node = Json.read(value.string());
    } catch (JacksonException e) {
      throw value.error("must be the text of a JSON object: " + JsonFile.reason(e));
    }
    if (!node.isObject()) {
      throw value.error("must be the text of a JSON object");
    }
    return JsonMapper.shared().convertValue(node, new TypeReference<>() {});
  }
}
