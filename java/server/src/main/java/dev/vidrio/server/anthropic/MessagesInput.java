package dev.vidrio.server.anthropic;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Translates {@code system} and {@code messages} to the messages of a chat. */
final class MessagesInput {
  private static final int MAX_MESSAGES = 4096;
  private static final int MAX_BLOCKS = 4096;

  private final List<JsonObject> messages = new ArrayList<>();

  private MessagesInput() {}

  static List<JsonObject> read(JsonFields fields) {
    var input = new MessagesInput();
    JsonValue system = fields.value("system");
    if (system != null) {
      input.add("system", text(system));
    }
    List<JsonValue> given = fields.required("messages").elements(1, MAX_MESSAGES);
    for (int i = 0; i < given.size(); i++) {
      input.addMessage(given.get(i).fields(), i == given.size() - 1);
    }
    return input.messages;
  }

  private void add(String role, String content) {
    messages.add(new JsonObject().with("role", role).with("content", content));
  }

  private void addMessage(JsonFields message, boolean isLast) {
    JsonValue role = message.required("role");
    JsonValue content = message.required("content");
    switch (role.string()) {
      case "system" -> add("system", text(content));
      case "user" -> addUser(content);
      case "assistant" -> {
        if (isLast) {
          throw ApiException.unsupported(
              role.path(), "'assistant'", "not supported in the last message (prefill)");
        }
        addAssistant(content);
      }
      default -> throw role.error("must be user, assistant or system");
    }
    message.end();
  }

  /** Adds a user's text, and the results of tools as messages of their own. */
  private void addUser(JsonValue content) {
    if (content.isString()) {
      add("user", content.string());
      return;
    }
    var text = new StringBuilder();
    boolean isText = false;
    List<JsonValue> blocks = content.elements(1, MAX_BLOCKS);
    for (JsonValue value : blocks) {
      JsonFields block = value.fields();
      JsonValue type = block.required("type");
      switch (type.string()) {
        case "text" -> {
          text.append(blockText(block));
          isText = true;
        }
        case "tool_result" -> {
          if (isText) {
            add("user", text.toString());
            text.setLength(0);
            isText = false;
          }
          addResult(block);
        }
        default -> throw MessagesRequest.unsupportedBlock(type);
      }
      block.end();
    }
    if (isText) {
      add("user", text.toString());
    }
  }

  private void addResult(JsonFields block) {
    cacheControl(block);
    // The chat templates have no place for it; the content describes the error.
    var _ = block.bool("is_error", false);
    JsonValue content = block.value("content");
    messages.add(
        new JsonObject()
            .with("role", "tool")
            .with("tool_call_id", block.required("tool_use_id").string())
            .with("content", content == null ? "" : text(content)));
  }

  private void addAssistant(JsonValue content) {
    if (content.isString()) {
      add("assistant", content.string());
      return;
    }
    var text = new StringBuilder();
    var reasoning = new StringBuilder();
    List<JsonObject> calls = new ArrayList<>();
    for (JsonValue value : content.elements(0, MAX_BLOCKS)) {
      JsonFields block = value.fields();
      JsonValue type = block.required("type");
      switch (type.string()) {
        case "text" -> text.append(blockText(block));
        case "thinking" -> {
          reasoning.append(block.required("thinking").string());
          block.ignore("signature");
        }
        case "tool_use" -> calls.add(call(block));
        default -> throw MessagesRequest.unsupportedBlock(type);
      }
      block.end();
    }
    boolean isSilent = text.isEmpty() && !calls.isEmpty();
    messages.add(
        new JsonObject()
            .with("role", "assistant")
            .with("content", isSilent ? null : text.toString())
            .withPresent("reasoning_content", reasoning.isEmpty() ? null : reasoning.toString())
            .withPresent("tool_calls", calls.isEmpty() ? null : calls));
  }

  private static JsonObject call(JsonFields block) {
    cacheControl(block);
    JsonValue caller = block.value("caller");
    if (caller != null) {
      JsonFields direct = caller.fields();
      var _ = direct.oneOf("type", "direct", "direct");
      direct.end();
    }
    JsonValue input = block.required("input");
    var _ = input.fields();
    return new JsonObject()
        .with("id", block.required("id").string())
        .with("type", "function")
        .with(
            "function",
            Map.of("name", block.required("name").string(), "arguments", Json.text(input.tree())));
  }

  /** Returns a string, or the concatenated text of an array of text blocks. */
  private static String text(JsonValue content) {
    if (content.isString()) {
      return content.string();
    }
    if (!content.isArray()) {
      throw content.error("must be a string or an array of content blocks");
    }
    var text = new StringBuilder();
    for (JsonValue value : content.elements(0, MAX_BLOCKS)) {
      JsonFields block = value.fields();
      JsonValue type = block.required("type");
      if (!type.string().equals("text")) {
        throw MessagesRequest.unsupportedBlock(type);
      }
      text.append(blockText(block));
      block.end();
    }
    return text.toString();
  }

  private static String blockText(JsonFields block) {
    cacheControl(block);
    block.requireEmpty("citations");
    return block.required("text").string();
  }

  /** Reads {@code cache_control}, which has no effect: all prefixes are cached. */
  static void cacheControl(JsonFields fields) {
    @Nullable JsonValue value = fields.value("cache_control");
    if (value != null) {
      JsonFields control = value.fields();
      var _ = control.oneOf("type", "ephemeral", "ephemeral");
      control.ignore("ttl", "scope");
      control.end();
    }
  }
}
