package dev.vidrio.template;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.template.value.JsonTree;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One message of a conversation, as a chat template receives it.
 *
 * {@snippet file="TemplateExamples.java" region="render"}
 *
 * <p>A message is a JSON object in the form of OpenAI's chat API: {@code role}, {@code content},
 * and fields of particular models, such as {@code reasoning_content}, {@code tool_calls}, {@code
 * tool_call_id} and {@code name}. The factories create the usual messages; {@link #of} accepts any
 * object.
 *
 * <p>Messages are immutable values.
 *
 * @param fields the object's fields: maps with string keys, lists, strings, booleans, numbers. A
 *     null field is absent
 * @see ChatTemplate#render
 */
public record ChatMessage(Map<String, @Nullable Object> fields) {

  /**
   * Copies the fields.
   *
   * @throws InvalidInputException if {@code role} is missing or not a string
   * @throws IllegalArgumentException if the fields contain a value that is not JSON
   */
  public ChatMessage {
    Map<String, @Nullable Object> present = new LinkedHashMap<>(fields);
    present.values().removeIf(Objects::isNull);
    fields = JsonTree.copy("message", present);
    if (!(fields.get("role") instanceof String)) {
      throw new InvalidInputException("message", "", "must have a string field 'role'");
    }
  }

  /** Creates a message with a role and a text. */
  public ChatMessage(String role, String content) {
    this(fields(role, content));
  }

  private static Map<String, @Nullable Object> fields(String role, @Nullable String content) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("role", role);
    fields.put("content", content);
    return fields;
  }

  /** Returns a system message: instructions for the whole conversation. */
  public static ChatMessage system(String content) {
    return new ChatMessage("system", content);
  }

  /** Returns a user message. */
  public static ChatMessage user(String content) {
    return new ChatMessage("user", content);
  }

  /** Returns an assistant message: an earlier response of the model. */
  public static ChatMessage assistant(String content) {
    return new ChatMessage("assistant", content);
  }

  /**
   * Returns an assistant message with reasoning and tool calls.
   *
   * @param content the response, or null if there was none
   * @param reasoning the reasoning before the response, or null
   * @param toolCalls the requested tool calls
   */
  public static ChatMessage assistant(
      @Nullable String content, @Nullable String reasoning, List<ToolCall> toolCalls) {
    Map<String, @Nullable Object> fields = fields("assistant", content);
    fields.put("reasoning_content", reasoning);
    fields.put(
        "tool_calls",
        toolCalls.isEmpty() ? null : toolCalls.stream().map(ToolCall::toJson).toList());
    return new ChatMessage(fields);
  }

  /**
   * Returns the result of a tool call.
   *
   * @param content the result, often as JSON text
   * @param name the tool's name, or null
   * @param toolCallId the {@linkplain ToolCall#id id} of the call, or null
   */
  public static ChatMessage tool(
      String content, @Nullable String name, @Nullable String toolCallId) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("role", "tool");
    fields.put("name", name);
    fields.put("tool_call_id", toolCallId);
    fields.put("content", content);
    return new ChatMessage(fields);
  }

  /**
   * Returns a message from a JSON object of OpenAI's chat API. Arguments of tool calls should be
   * objects, since most templates do not accept them as text.
   *
   * @throws InvalidInputException if {@code role} is missing or not a string
   */
  public static ChatMessage of(Map<String, ?> json) {
    return new ChatMessage(new LinkedHashMap<>(json));
  }

  /** Returns the role, such as {@code user}. */
  public String role() {
    return (String) Objects.requireNonNull(fields.get("role"));
  }

  /** Returns the tool calls of an assistant message; empty if there are none. */
  public List<ToolCall> toolCalls() {
    return fields.get("tool_calls") instanceof List<?> calls
        ? calls.stream().flatMap(call -> ToolCall.fromJson(call).stream()).toList()
        : List.of();
  }

  /** Returns the reasoning before the response, or null if there is none. */
  public @Nullable String reasoning() {
    return fields.get("reasoning_content") instanceof String reasoning ? reasoning : null;
  }

  /** Returns the text, or null if there is none or it is a list of parts. */
  public @Nullable String content() {
    return fields.get("content") instanceof String content ? content : null;
  }
}
